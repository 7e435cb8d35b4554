/** Multicast to the whole farm. docs/protocol/multicast.md; P2P Volunteers, 3.4.1 (data propagation). */
import { describe, expect, it } from 'vitest';
import type { Cast, Message } from '../../../src/core/messages/index.ts';
import { LonePeer, aClient, aRoot, aServer, castOf, down, join, peerNumber, release, root } from '../lone-peer.ts';

const [two, three, origin] = [peerNumber(2), peerNumber(3), peerNumber(8)];

function cast(sequence: number, incarnation = 1): Cast {
  return castOf(origin, incarnation, sequence, { type: 'note', topic: 'test', bytes: new Uint8Array(2) });
}

const delivered = (lone: LonePeer): number[] => lone.told('delivered').map(({ sequence }) => sequence);

describe('a message', () => {
  it('is delivered once and passed to all neighbours but the one it came from', () => {
    const lone = aClient().hear(two, join(1)).hear(three, join(2)).forget();
    lone.hear(root, cast(1)).hear(two, cast(1)).hear(root, cast(1));
    expect(delivered(lone)).toEqual([1]);
    expect(lone.sent('cast').map(({ to }) => to)).toEqual([two, three]);
  });

  it('that comes too early waits, and the gap is pulled from the neighbour that showed it', () => {
    const lone = aClient().hear(root, cast(1)).hear(root, cast(4)).hear(root, cast(3));
    expect(delivered(lone)).toEqual([1]);
    expect(lone.sent('cast-pull').map(({ to, message }) => [to, message.sequence])).toEqual([[root, 2]]);
    lone.hear(root, cast(2));
    expect(delivered(lone)).toEqual([1, 2, 3, 4]);
  });

  it('of an earlier life of its origin is no longer wanted', () => {
    const lone = aClient().hear(root, cast(1, 5)).hear(root, cast(2, 4));
    expect(lone.told('delivered').map(({ incarnation }) => incarnation)).toEqual([5]);
  });

  it('of a new life of its origin begins a new stream', () => {
    const lone = aClient().hear(root, cast(1)).hear(root, cast(1, 2)).hear(root, cast(2, 2));
    expect(delivered(lone)).toEqual([1, 1, 2]);
  });

  it('of a stranger is not taken', () => {
    expect(delivered(aClient().hear(three, cast(1)))).toEqual([]);
  });

  it('that was the last and lost is noticed by the digests of three heartbeats', () => {
    const lone = aClient().hear(root, cast(1)).forget();
    const beat = (n: number): Message => down({ beat: n, castDigest: 12_345 });
    lone.hear(root, beat(7), beat(8));
    expect(lone.sent('cast-heads')).toEqual([]);
    lone.hear(root, beat(9));
    expect(lone.sent('cast-heads').map(({ message }) => message.reply)).toEqual([true]);
    lone.hear(root, { kind: 'cast-heads', heads: [{ origin, incarnation: 1, sequence: 2 }], reply: false });
    expect(lone.sent('cast-pull').map(({ message }) => message.sequence)).toEqual([2]);
  });

  it('may be sent by a server only', () => {
    const lone = aClient();
    const payload = { type: 'note', topic: 'x', bytes: new Uint8Array(0) } as const;
    expect(() => lone.peer.multicast(lone.nowMs, payload)).toThrow(/only a server/);
    const server = aServer();
    expect(server.peer.multicast(server.nowMs, payload)).toBe(1);
    expect(server.peer.multicast(server.nowMs, payload)).toBe(2);
  });
});

describe('a pull', () => {
  it('is answered with the history, in order', () => {
    const lone = aClient().hear(two, join(1));
    for (let sequence = 1; sequence <= 5; sequence++) lone.hear(root, cast(sequence));
    lone.forget().hear(two, { kind: 'cast-pull', origin, incarnation: 1, sequence: 3 });
    expect(lone.sent('cast').map(({ to, message }) => [to, message.sequence])).toEqual([3, 4, 5].map((n) => [two, n]));
  });

  it('for messages that the root has forgotten is told where to continue; the asker skips ahead and reports the gap', () => {
    const keeper = aRoot({ castHistory: 16 }).hear(two, join(1));
    for (let n = 0; n < 40; n++)
      keeper.peer.multicast(keeper.nowMs, { type: 'note', topic: 'x', bytes: new Uint8Array(1) });
    const { incarnation } = keeper.peer.state.ctx;
    keeper.forget().hear(two, { kind: 'cast-pull', origin: root, incarnation, sequence: 3 });
    const [gone] = keeper.sent('cast-gone');
    expect(gone?.message.sequence).toBe(26);
    const asker = aClient().hear(root, cast(1)).hear(root, cast(9)).forget();
    asker.hear(root, { kind: 'cast-gone', origin, incarnation: 1, sequence: 9 });
    expect(asker.told('gap-skipped').map(({ from, to }) => [from.sequence, to])).toEqual([[1, 9]]);
    expect(delivered(asker)).toEqual([9]);
  });

  it('for messages that a newcomer never had is passed to its parent, and the answers are forwarded', () => {
    const lone = new LonePeer(peerNumber(1)).start();
    lone
      .attachTo(root, { heads: [{ origin, incarnation: 1, sequence: 5 }] })
      .hear(root, down())
      .confirm(root)
      .pass(1_100);
    lone.confirm(root).hear(two, join(1)).hear(root, cast(6)).forget();
    lone.hear(two, { kind: 'cast-pull', origin, incarnation: 1, sequence: 4 });
    expect(lone.sent('cast-pull').map(({ to, message }) => [to, message.sequence])).toEqual([[root, 4]]);
    expect(lone.sent('cast').map(({ to, message }) => [to, message.sequence])).toEqual([[two, 6]]);
    lone.forget().hear(root, cast(4), cast(5));
    expect(lone.sent('cast').map(({ to, message }) => [to, message.sequence])).toEqual([4, 5].map((n) => [two, n]));
    expect(delivered(lone)).toEqual([]);
  });

  it('that no ancestor can answer is told where to continue', () => {
    const lone = new LonePeer(peerNumber(1)).start();
    lone
      .attachTo(root, { heads: [{ origin, incarnation: 1, sequence: 5 }] })
      .hear(root, down())
      .confirm(root)
      .pass(1_100);
    lone
      .confirm(root)
      .hear(two, join(1))
      .hear(two, { kind: 'cast-pull', origin, incarnation: 1, sequence: 2 })
      .forget();
    lone.hear(root, { kind: 'cast-gone', origin, incarnation: 1, sequence: 8 });
    expect(lone.sent('cast-gone').map(({ to, message }) => [to, message.sequence])).toEqual([[two, 6]]);
  });
});

describe('a neighbour that lies', () => {
  const heads = (sequence: number, incarnation = 1): Message => ({
    kind: 'cast-heads',
    heads: [{ origin, incarnation, sequence }],
    reply: false,
  });

  it('about where a stream is does not keep a newcomer from what its next parent has', () => {
    for (const [incarnation, sequence] of [
      [1, 2 ** 39],
      [9, 3],
    ] as const) {
      const lone = new LonePeer(peerNumber(1)).start();
      lone.attachTo(root, { heads: [{ origin, incarnation, sequence }] }).forget();
      lone.hear(root, heads(4));
      expect(lone.sent('cast-pull').map(({ message }) => [message.incarnation, message.sequence])).toEqual([[1, 1]]);
      lone.hear(root, { kind: 'cast-gone', origin, incarnation: 1, sequence: 3 }).hear(root, cast(3), cast(4), cast(5));
      expect(delivered(lone)).toEqual([3, 4, 5]);
    }
  });

  it('does not make a peer begin again with what the origin itself has left behind', () => {
    const lone = aClient().hear(root, cast(1)).hear(root, cast(2, 5)).hear(root, heads(1)).hear(root, cast(1));
    expect(delivered(lone)).toEqual([1]);
    expect(delivered(lone.hear(root, cast(1, 5)))).toEqual([1, 1, 2]);
  });

  it('about forgotten messages is believed only when the next message is there', () => {
    const lone = aClient().hear(root, cast(1)).hear(root, heads(2));
    lone.hear(root, { kind: 'cast-gone', origin, incarnation: 1, sequence: 2_000 });
    expect(lone.told('gap-skipped')).toEqual([]);
    lone.hear(root, cast(2)).hear(root, cast(3));
    expect(delivered(lone)).toEqual([1, 2, 3]);
  });

  it('about the release inside of a genuine seal is not believed', () => {
    const notice = release(2);
    const genuine = castOf(origin, 1, 1, { type: 'release', notice });
    const lone = aClient().hear(root, { ...genuine, payload: { type: 'release', notice: { ...notice, number: 7 } } });
    expect(delivered(lone)).toEqual([]);
    expect(lone.told('refused')).toHaveLength(1);
    expect(delivered(lone.hear(root, genuine))).toEqual([1]);
  });
});

describe('a newcomer', () => {
  it('begins where its parent is', () => {
    const lone = new LonePeer(peerNumber(1))
      .start()
      .attachTo(root, { heads: [{ origin, incarnation: 1, sequence: 5 }] });
    lone.hear(root, cast(5)).hear(root, cast(6));
    expect(delivered(lone)).toEqual([6]);
    expect(lone.sent('cast-pull')).toEqual([]);
  });
});
