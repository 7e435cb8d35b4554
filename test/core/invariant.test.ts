import { expect, it } from 'vitest';
import { InvariantError, invariant } from '../../src/core/invariant.ts';
import { NOBODY } from '../../src/core/ids.ts';
import { aServer, peerNumber, roster } from './lone-peer.ts';
import type { LonePeer } from './lone-peer.ts';

it('an invariant that does not hold throws its sentence, one that holds does nothing', () => {
  expect(() => invariant(true, 'all is well')).not.toThrow();
  expect(() => invariant(false, 'all is well')).toThrow(new InvariantError('all is well'));
});

it.each<[string, string, (lone: LonePeer) => void]>([
  [
    'standing',
    'standing never falls',
    ({ peer }) => (peer.state.ctx.authority.standing = { charter: 0, epoch: 9, term: 9 }),
  ],
  ['a parent', 'a parent is somebody else', ({ peer }) => peer.state.clients.adopt(NOBODY, 1_000, roster([]))],
  ['a deadline', 'a deadline is a time', ({ peer }) => peer.state.ctx.timers.set('beat', Number.NaN)],
  [
    'a release',
    'the newest release known never falls',
    ({ peer }) => peer.state.releases.publish(0, new Uint8Array(32), 1),
  ],
  ['a burial', 'nobody buries itself', ({ peer }) => peer.state.membership.declareOther(peer.self, 'gone')],
  [
    'a seat',
    'a seat is let go once',
    ({ peer }) => {
      const { seats } = peer.state.ctx.pulses;
      const seat = seats.take(peer.self, peerNumber(9), 0);
      seats.release(seat);
      seats.release(seat);
    },
  ],
])('a server whose %s is wrong by its own fault stops right there', (_, sentence, fault) => {
  const lone = aServer();
  expect(() => fault(lone)).toThrow(sentence);
});
