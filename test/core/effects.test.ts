/** The port: its promises to a peer, and a peer's promises to others. docs/ARCHITECTURE.md, "The peer and its port". */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/core/messages/index.ts';
import { defaultOptions, validateOptions } from '../../src/core/options.ts';
import { Peer } from '../../src/core/peer.ts';
import {
  LonePeer,
  aServer,
  card,
  down,
  join,
  member,
  noLimits,
  peerNumber,
  pong,
  release,
  root,
  up,
  castOf,
} from './lone-peer.ts';

const peers = fc.nat(5).map(peerNumber);

/** Messages that others may send, in any order and at any time. */
const sayings: fc.Arbitrary<Message> = fc.oneof(
  fc.nat(50).map((nonce): Message => ({ kind: 'ping', nonce })),
  fc.nat(50).map((nonce): Message => pong(nonce)),
  fc
    .record({ nonce: fc.nat(50), rttMs: fc.nat(200), hasChildren: fc.boolean() })
    .map(({ nonce, ...rest }) => join(nonce, rest)),
  fc
    .nat(50)
    .map((sequence): Message =>
      down({ tree: 'servers', stamp: { root, life: 1, sequence }, depth: sequence % 4, beat: sequence }),
    ),
  fc.nat(50).map((sequence): Message => down({ beat: sequence })),
  fc.nat(3).map((size): Message => up({ size })),
  fc.constantFrom<Message>(
    { kind: 'part', tree: 'clients' },
    { kind: 'disown', tree: 'servers' },
    { kind: 'release-ask' },
  ),
  fc.integer({ min: 1, max: 4 }).map((number): Message => ({ kind: 'release-now', notice: release(number) })),
  fc.record({ subject: peers, incarnation: fc.nat(20_000) }).map(({ subject, incarnation }): Message => ({
    kind: 'members',
    records: [
      member(subject, incarnation % 3 === 0 ? 'gone' : 'serving', {
        incarnation,
        issuer: incarnation % 3 === 0 ? root : subject,
      }),
    ],
    snapshot: false,
  })),
  fc
    .record({ origin: peers, sequence: fc.nat(6) })
    .map(({ origin, sequence }): Message =>
      castOf(origin, 1, sequence, { type: 'note', topic: 't', bytes: new Uint8Array(1) }),
    ),
  fc.constant<Message>({ kind: 'evict', tree: 'servers', reason: 'no-room', candidates: [card(peerNumber(3))] }),
);

const scripts = fc.array(fc.record({ afterMs: fc.nat(3_000), from: peers, message: sayings }), { maxLength: 60 });
type Script = readonly {
  readonly afterMs: number;
  readonly from: ReturnType<typeof peerNumber>;
  readonly message: Message;
}[];

function perform(script: Script): LonePeer {
  const lone = aServer();
  for (const { afterMs, from, message } of script) {
    lone.pass(afterMs);
    if (from !== lone.peer.self) lone.hear(from, message);
  }
  return lone.pass(10_000);
}

describe('a peer', () => {
  it('does the same thing for the same inputs in the same order', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        expect(perform(script).effects).toEqual(perform(script).effects);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  it('never sends to itself or to NOBODY, whatever it hears', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const spoken = perform(script).effects.flatMap((effect) => (effect.does === 'send' ? [effect.to] : []));
        expect(spoken.filter((to) => to < 0 || to === 1)).toEqual([]);
      }),
      { numRuns: 150, seed: 8 },
    );
  });

  it('has every incarnation on disk before a message that carries it leaves', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        let written = 0;
        const early: number[] = [];
        const lone = aServer();
        written = lone.peer.state.ctx.incarnation;
        for (const { afterMs, from, message } of script) {
          lone.pass(afterMs);
          if (from !== lone.peer.self) lone.hear(from, message);
        }
        for (const effect of lone.effects) {
          if (effect.does === 'persist' && effect.record.type === 'incarnation')
            written = Math.max(written, effect.record.value);
          if (effect.does !== 'send') continue;
          const { message } = effect;
          const records = message.kind === 'members' ? message.records : 'deltas' in message ? message.deltas : [];
          for (const { subject, issuer, incarnation } of records) {
            if (subject === 1 && issuer === 1 && incarnation > written) early.push(incarnation);
          }
        }
        expect(early).toEqual([]);
      }),
      { numRuns: 150, seed: 9 },
    );
  });

  it('asks for one wake after each call, not for one a timer', () => {
    let wakes = 0;
    const lone = new LonePeer(peerNumber(1), {}, { wakeAt: () => void wakes++ });
    lone.start();
    expect(wakes).toBe(1);
  });

  it('restarts in its old role from what it wrote down', () => {
    const before = aServer();
    before.peer.volunteer(before.nowMs, { ...noLimits, clients: 3 });
    const after = new LonePeer(peerNumber(1)).start({ records: before.records });
    expect(after.peer.role).toBe('server');
    expect(after.peer.state.ctx.limits?.clients).toBe(3);
    expect(after.peer.state.releases.installedNumber).toBe(1);
    expect(new Set([...after.peer.state.membership.records()].map(({ subject }) => subject))).toEqual(new Set([0, 1]));
  });
});

describe('options', () => {
  it('as they come are in order', () => {
    expect(validateOptions(defaultOptions)).toEqual([]);
  });

  it.each([
    [{ fanOut: 1 }, /fanOut is 1; a tree needs at least 2/],
    [{ guestRoom: -1 }, /guestRoom is -1/],
    [{ fanOut: 684 }, /fanOut \(684\) and guestRoom \(8\) are more than 691 children/],
    [{ viewSize: 65 }, /viewSize is 65; a view of more than 64/],
    [{ minHeartbeatMs: 10 }, /minHeartbeatMs is 10/],
    [{ minHeartbeatMs: 6_000 }, /maxHeartbeatMs \(5000\) is below minHeartbeatMs \(6000\)/],
    [{ missedBeats: 1 }, /missedBeats is 1; under 2 one lost message/],
    [{ evictRatio: 1 }, /evictRatio is 1/],
    [{ detourSlack: 0.3 }, /detourSlack \(0.3\) must be below moveGain \(0.2\)/],
    [{ answerBeats: 0 }, /answerBeats is 0/],
    [{ castHistory: 3 }, /castHistory is 3/],
  ])('%o are refused with a sentence, by the peer too', (change, sentence) => {
    const options = { ...defaultOptions, ...change };
    expect(validateOptions(options)).toEqual([expect.stringMatching(sentence)]);
    const { peer } = new LonePeer(root);
    expect(() => new Peer(root, peer.state.ctx.world, options)).toThrow(sentence);
  });
});
