/**
 * Which network neighbourhood an address lies in, as a number.
 *
 * Two addresses of one number probably share an operator, so one does not vouch for the other: /16 for IPv4, /32 for
 * IPv6 (what a provider is typically given), and everything on this machine is one place. Names are not resolved.
 */
import type { Multiaddr } from '@multiformats/multiaddr';

/** The number all loopback addresses share: that of 127.0.0.0/16. */
export const loopbackSubnet = 0x7f00;
const ipv6Offset = 0x1_0000_0000;

/** The IP address in a multiaddr, if it has one (`/dns…` has none). */
export function hostOf(address: Multiaddr): string | undefined {
  return address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value;
}

export function isLoopback(host: string): boolean {
  return subnetOfHost(host) === loopbackSubnet;
}

/** The number for an IPv4 or IPv6 address in text; IPv4 written as IPv6 (`::ffff:a.b.c.d`) counts as IPv4. */
export function subnetOfHost(host: string): number | undefined {
  const v4 = /^(?:::ffff:)?(\d+)\.(\d+)\.\d+\.\d+$/i.exec(host);
  if (v4 !== null) {
    const [first, second] = [Number(v4[1]), Number(v4[2])];
    return first === 127 ? loopbackSubnet : first * 256 + second;
  }
  const groups = ipv6Groups(host);
  if (groups === undefined) return undefined;
  if (groups.slice(0, 7).every((group) => group === 0) && groups[7] === 1) return loopbackSubnet;
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const first = (groups[6] as number) >> 8;
    return first === 127 ? loopbackSubnet : groups[6];
  }
  return ipv6Offset + (groups[0] as number) * 0x1_0000 + (groups[1] as number);
}

function ipv6Groups(host: string): number[] | undefined {
  const [left, right, more] = (host.split('%', 1)[0] as string).split('::');
  if (left === undefined || more !== undefined || !host.includes(':')) return undefined;
  const parse = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const head = parse(left);
  const tail = right === undefined ? [] : parse(right);
  const missing = 8 - head.length - tail.length;
  if (missing < 0 || (right === undefined && missing !== 0)) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return groups.every((group) => group >= 0 && group <= 0xffff) ? groups : undefined;
}
