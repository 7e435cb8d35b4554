import { multiaddr } from '@multiformats/multiaddr';
import { describe, expect, it } from 'vitest';
import { hostOf, isLoopback, loopbackSubnet, subnetOfHost } from '../../src/network/subnet.ts';

describe('the subnet of an address', () => {
  it('is shared within an IPv4 /16 and an IPv6 /32, and not beyond', () => {
    expect(subnetOfHost('203.0.113.9')).toBe(subnetOfHost('203.0.250.1'));
    expect(subnetOfHost('203.0.113.9')).not.toBe(subnetOfHost('203.1.113.9'));
    expect(subnetOfHost('2001:db8:1::1')).toBe(subnetOfHost('2001:db8:ffff:2::9'));
    expect(subnetOfHost('2001:db8::1')).not.toBe(subnetOfHost('2001:db9::1'));
    expect(subnetOfHost('0:0::')).not.toBe(subnetOfHost('0.0.0.0'));
  });

  it('is the same for all loopback addresses, however they are written', () => {
    for (const host of ['127.0.0.1', '127.200.0.1', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '::ffff:7f00:1']) {
      expect([host, subnetOfHost(host), isLoopback(host)]).toEqual([host, loopbackSubnet, true]);
    }
    expect(isLoopback('10.0.0.1')).toBe(false);
  });

  it('treats IPv4 written as IPv6 as IPv4', () => {
    expect(subnetOfHost('::ffff:203.0.113.9')).toBe(subnetOfHost('203.0.113.9'));
    expect(subnetOfHost('::ffff:cb00:7109')).toBe(subnetOfHost('203.0.113.9'));
  });

  it('does not exist for text that is not an IP address', () => {
    for (const host of ['example.org', '', '1.2.3', '1:2:3', ':::', '1::2::3', '2001:zz::1']) {
      expect([host, subnetOfHost(host)]).toEqual([host, undefined]);
    }
    expect(hostOf(multiaddr('/dns4/example.org/tcp/1'))).toBeUndefined();
    expect(hostOf(multiaddr('/ip6/2001:db8::1/tcp/1'))).toBe('2001:db8::1');
  });
});
