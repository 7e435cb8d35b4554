/** Dialling back whoever asks, within limits. docs/protocol/reachability.md. */
import { describe, expect, it } from 'vitest';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { DialBacks, addressesAt } from '../../../src/host/world/dial-backs.ts';
import { startPair } from '../../network/test-network.ts';
import { until } from '../../patience.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };

describe('the addresses that are dialled back', () => {
  it('are those at the IP address from which the asker is connected', () => {
    const said = ['/ip4/203.0.113.1/tcp/1', '/ip4/198.51.100.7/tcp/22', '/ip6/2001:db8::1/tcp/2'];
    expect(addressesAt(['203.0.113.1'], said)).toEqual(['/ip4/203.0.113.1/tcp/1']);
    expect(addressesAt(['2001:DB8::1'], said)).toEqual(['/ip6/2001:DB8::1/tcp/2']);
    expect(addressesAt([], said)).toEqual([]);
  });

  it('of a name are its port there: the name is not looked up', () => {
    expect(addressesAt(['203.0.113.1'], ['/dns4/victim.example/tcp/80'])).toEqual(['/ip4/203.0.113.1/tcp/80']);
  });

  it('of a peer on this machine are its ports on this machine', () => {
    expect(addressesAt(['127.0.0.1'], ['/ip4/192.168.1.2/tcp/7'])).toEqual(['/ip4/127.0.0.1/tcp/7']);
  });
});

describe('a peer that asks to be dialled back', () => {
  it('is, once in a while, and gets no answer when it asks again at once', async () => {
    const [one, other] = await startPair();
    const book = new AddressBook();
    const asker = book.handleOfPeer(other.peerId);
    one.keep(other.peerId);
    await until('they are connected', () => one.isConnected(other.peerId));
    book.confirm(asker, other.addresses());
    const dialBacks = new DialBacks(one, book, quiet, { atOnce: 8, everyMs: 60_000 });
    const answers = await Promise.all(Array.from({ length: 400 }, () => dialBacks.dial(asker)));
    expect(answers.filter((answer) => answer !== null)).toEqual([true]);
  });

  it('waits for its turn when many others ask', async () => {
    const [one] = await startPair();
    const book = new AddressBook();
    const askers = Array.from({ length: 20 }, (_, i) => book.handleOf(new Uint8Array(32).fill(i + 1)));
    const dialBacks = new DialBacks(one, book, quiet, { atOnce: 8, everyMs: 1 });
    const answers = await Promise.all(askers.map((asker) => dialBacks.dial(asker)));
    expect(answers.filter((answer) => answer === false)).toHaveLength(8);
    expect(answers.filter((answer) => answer === null)).toHaveLength(12);
  });
});
