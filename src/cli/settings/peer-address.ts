/**
 * Addresses as people write them, made into the multiaddrs that libp2p speaks.
 *
 * `0.0.0.0`, `0.0.0.0:4747`, `[::1]:4747`, `my.host.example:4747` and `/ip4/0.0.0.0/tcp/4747` are all taken.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { UsageError } from '../words/user-error.ts';

/** Where a TCP listener or dialler is to go. */
export interface HostPort {
  readonly host: string;
  /** null when the text names none. */
  readonly port: number | null;
}

/** @throws UsageError when it is neither */
export function readAddress(text: string, option: string): HostPort {
  const multiaddr = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/p2p\/[A-Za-z0-9]+)?$/.exec(text);
  if (multiaddr !== null) return checked({ host: multiaddr[2] ?? '', port: Number(multiaddr[3]) }, text, option);
  const bracketed = /^\[([0-9a-f:.]+)\](?::(\d{1,5}))?$/i.exec(text);
  if (bracketed !== null) return checked(split(bracketed[1], bracketed[2]), text, option);
  if (isIPv6(text)) return { host: text, port: null };
  const plain = /^([A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(text);
  if (plain !== null) return checked(split(plain[1], plain[2]), text, option);
  throw wrong(text, option);
}

export function toMultiaddr(host: string, port: number): string {
  if (isIPv4(host)) return `/ip4/${host}/tcp/${port}`;
  if (isIPv6(host)) return `/ip6/${host}/tcp/${port}`;
  return `/dns/${host}/tcp/${port}`;
}

/** Whether only programs on this machine can reach it. */
export function isLoopback(multiaddr: string): boolean {
  return /^\/ip4\/127\.|^\/ip6\/(::1|0:0:0:0:0:0:0:1)\/|^\/dns[46]?\/localhost\//.test(`${multiaddr}/`);
}

/** An address that means nothing outside the house: RFC 1918, carrier NAT (RFC 6598), link-local, unique local (RFC 4193). */
export function isPrivate(host: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|fe[89ab]|f[cd])/i.test(
    host,
  );
}

function split(host: string | undefined, port: string | undefined): HostPort {
  return { host: host ?? '', port: port === undefined ? null : Number(port) };
}

function checked(address: HostPort, text: string, option: string): HostPort {
  if (address.port !== null && address.port > 65_535) throw wrong(text, option);
  return address;
}

function wrong(text: string, option: string): UsageError {
  return new UsageError(`--${option}: "${text}" is not an address.`, {
    hint: 'Write for example 0.0.0.0, 192.0.2.7:4747, [2001:db8::7]:4747, my.host.example:4747 or /ip4/192.0.2.7/tcp/4747.',
  });
}
