import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Invite, formatInvite, readInvite } from '../../src/service/index.ts';
import { testNowMs, testOtherPeerId, testRootPeerId, found } from './workshop.ts';

const invite: Invite = {
  serviceId: found().charter.serviceId,
  name: 'A garden of pages',
  addresses: [`/ip4/192.0.2.7/tcp/4001/p2p/${testRootPeerId}`, `/dns4/garden.example/tcp/443/p2p/${testOtherPeerId}`],
  token: { id: '00112233445566aa', secret: '000102030405060708090a0b0c0d0e0f' },
  expiresAtMs: testNowMs + 86_400_000,
};

describe('an invite', () => {
  it('survives the way through a link', () => {
    const link = formatInvite(invite);
    expect(link).toMatch(/^banyan:[A-Za-z0-9_-]+$/);
    expect(link.length).toBeLessThan(400);
    expect(readInvite(link, testNowMs)).toEqual(invite);
    const bare = { ...invite, token: null, expiresAtMs: null };
    expect(readInvite(formatInvite(bare), testNowMs)).toEqual(bare);
  });

  it('names at most 32 addresses, those first that reach furthest', () => {
    const at = (host: string): string => `/${host}/tcp/4001/p2p/${testRootPeerId}`;
    const near = [at('ip4/127.0.0.1'), at('ip6/::1'), at('dns4/localhost')];
    const own = [at('ip4/10.0.0.1'), at('ip4/172.16.0.1'), at('ip4/192.168.1.1'), at('ip6/fd00::1')];
    const far = [...Array(27).keys()].map((index) => at(`ip4/192.0.2.${index + 1}`));
    const read = readInvite(formatInvite({ ...invite, addresses: [...near, ...own, ...far] }), testNowMs);
    expect(read.addresses).toEqual([...far, ...own, near[0]]);
  });

  it('survives what mails and chats do to a link', () => {
    const link = formatInvite(invite);
    const wrapped = link.replace(/(.{60})/g, '$1\r\n ');
    for (const pasted of [`  ${link}\n`, `<${link}>`, `"${link}"`, wrapped, link.replace('banyan:', 'Banyan://')]) {
      expect(readInvite(pasted, testNowMs)).toEqual(invite);
    }
  });

  it('that was cut anywhere is reported as cut, with how much is there', () => {
    const link = formatInvite(invite);
    for (let length = 'banyan:'.length; length < link.length; length += 1) {
      expect(() => readInvite(link.slice(0, length), testNowMs), `at ${length}`).toThrow(/was cut off/);
    }
    expect(() => readInvite(link.slice(0, 100), testNowMs)).toThrow(
      new RegExp(`100 of ${link.length} characters`.replace('100', '(99|100)')),
    );
  });

  it('that is no invite at all is not taken for one that was cut', () => {
    expect(() => readInvite('banyan:garbage', testNowMs)).toThrow(/not a Banyan invite: no invite is as long/);
  });

  it('with any one letter wrong is never taken for a good one', () => {
    const link = formatInvite(invite);
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    fc.assert(
      fc.property(fc.integer({ min: 7, max: link.length - 2 }), fc.constantFrom(...letters.split('')), (at, letter) => {
        fc.pre(link[at] !== letter);
        expect(() => readInvite(link.slice(0, at) + letter + link.slice(at + 1), testNowMs)).toThrow(
          expect.objectContaining({ name: 'ServiceError' }) as Error,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('says its date when it is expired', () => {
    expect(() => readInvite(formatInvite(invite), invite.expiresAtMs ?? 0)).toThrow(
      /expired on 2026-11-21T12:00:00\S+, and this machine's clock says 2026-11-21T12:00:00\S+: ask .* or set the clock/,
    );
  });

  it('of a newer version says to update, and of another scheme what it should begin with', () => {
    const code = Buffer.from(formatInvite(invite).slice(7), 'base64url');
    code[0] = 2;
    expect(() => readInvite(`banyan:${code.toString('base64url')}`, testNowMs)).toThrow(/newer version.*update/);
    expect(() => readInvite('https://example.org', testNowMs)).toThrow(/must begin with "banyan:"/);
    expect(() => readInvite('banyan:ab cd!', testNowMs)).toThrow(/"!" at character 12/);
    expect(() => readInvite(`${formatInvite(invite)}AAAA`, testNowMs)).toThrow(/pasted after its end/);
  });

  it('whose addresses name no peer is refused', () => {
    const bad = formatInvite({ ...invite, addresses: ['/ip4/192.0.2.7/tcp/4001'] });
    expect(() => readInvite(bad, testNowMs)).toThrow(/names no peer/);
  });
});
