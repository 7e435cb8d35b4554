/**
 * A statement is believed only as its issuer signed it, and only while its standing counts: a statement that was changed on its way, or an
 * old one that is replayed, has no effect.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareStanding } from '../../src/core/ids.ts';
import type { MemberRecord, Message, Order, ReleaseNotice, Statement } from '../../src/core/messages/index.ts';
import {
  LonePeer,
  aClient,
  aServer,
  down,
  first,
  member,
  noLimits,
  order,
  peerNumber,
  release,
  root,
  signed,
  castOf,
} from '../core/lone-peer.ts';
import { settings } from './schedules.ts';

const two = peerNumber(2);

/** A statement with one field changed after it was signed. */
function forgeries<S extends Statement>(statement: S): fc.Arbitrary<S> {
  const changes: Record<string, fc.Arbitrary<unknown>> = {
    subject: fc.nat(9),
    incarnation: fc.integer({ min: 2, max: 1_000 }),
    state: fc.constantFrom('joining', 'draining', 'gone'),
    parent: fc.integer({ min: 3, max: 9 }),
    releaseNumber: fc.integer({ min: 2, max: 9 }),
    number: fc.integer({ min: 4, max: 9 }),
    sizeBytes: fc.integer({ min: 1, max: 999 }),
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    issuer: fc.nat(9),
    standing: fc.record({
      charter: fc.integer({ min: 1, max: 3 }),
      epoch: fc.constant(1),
      term: fc.integer({ min: 2, max: 9 }),
    }),
    signature: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  };
  const fields = Object.keys(changes).filter((field) => field in statement);
  return fc
    .constantFrom(...fields)
    .chain((field) => (changes[field] ?? fc.constant(null)).map((value) => ({ ...statement, [field]: value })))
    .filter((forged) => JSON.stringify(forged) !== JSON.stringify(statement));
}

/** The knowledge of a peer that statements could change. */
function knowledge({ peer }: LonePeer): unknown {
  const { membership, releases, views, ctx } = peer.state;
  return {
    members: [...membership.records()],
    release: releases.latest,
    view: views.current?.records ?? [],
    standing: ctx.authority.standing,
    role: peer.role,
  };
}

describe('a forged statement', () => {
  const believedNothing = (make: () => LonePeer, message: Message): void => {
    const lone = make();
    const before = knowledge(lone);
    lone.hear(root, message);
    expect(knowledge(lone)).toEqual(before);
    expect(lone.transfers).toEqual([]);
  };

  it('of a release is not believed, however it comes', () => {
    fc.assert(
      fc.property(forgeries<ReleaseNotice>(release(3)), fc.nat(1), (notice, way) => {
        const cast = castOf(root, 5, 1, { type: 'release', notice });
        believedNothing(aServer, way === 0 ? cast : { kind: 'release-now', notice });
      }),
      settings(200),
    );
  });

  it('of a member is not believed, in a heartbeat or a list', () => {
    fc.assert(
      fc.property(forgeries<MemberRecord>(member(two, 'serving', { incarnation: 5 })), fc.nat(1), (record, way) => {
        const lone = aServer();
        expect(lone.peer.state.servers.parent).toBe(root);
        const heartbeat = down({ tree: 'servers', deltas: [record] });
        const before = [...lone.peer.state.membership.records()];
        lone.hear(root, way === 0 ? heartbeat : { kind: 'members', records: [record], snapshot: false });
        expect([...lone.peer.state.membership.records()]).toEqual(before);
      }),
      settings(200),
    );
  });

  it('in a view is left out of it', () => {
    fc.assert(
      fc.property(forgeries<MemberRecord>(member(two, 'serving')), (record) => {
        const lone = aClient();
        const genuine = member(root, 'serving');
        lone.hear(root, { kind: 'view', version: 99, server: root, records: [genuine, record] });
        expect(lone.peer.state.views.current?.records).toEqual([genuine]);
        expect(lone.told('refused')).toHaveLength(1);
      }),
      settings(100),
    );
  });

  it('that orders to serve is declined, and nothing is fetched', () => {
    fc.assert(
      fc.property(forgeries<Order>(order(peerNumber(1))), (forged) => {
        const lone = aClient();
        lone.peer.volunteer(lone.nowMs, noLimits);
        lone.forget().hear(root, { kind: 'offer', order: forged, notice: release(1) });
        expect(lone.sent('answer').map(({ message }) => message.verdict)).toEqual(['declined']);
        expect(lone.transfers).toEqual([]);
      }),
      settings(100),
    );
  });
});

describe('a statement below the highest standing that was seen', () => {
  const standing = fc.record({
    charter: fc.integer({ min: 1, max: 2 }),
    epoch: fc.integer({ min: 1, max: 3 }),
    term: fc.integer({ min: 1, max: 4 }),
  });

  it('of a release is refused; one at the same or a higher standing is taken', () => {
    fc.assert(
      fc.property(fc.array(standing, { minLength: 1, maxLength: 8 }), (standings) => {
        const lone = aServer();
        let highest = first;
        let known = 1;
        for (const [index, at] of standings.entries()) {
          const notice = release(2 + index, { standing: at });
          lone.hear(root, { kind: 'release-now', notice });
          if (compareStanding(at, highest) >= 0) {
            highest = at;
            known = notice.number;
          }
          expect(lone.peer.state.releases.latest?.number).toBe(known);
          expect(compareStanding(lone.peer.state.ctx.authority.standing, highest)).toBe(0);
        }
      }),
      settings(200),
    );
  });

  it('that orders to serve is declined', () => {
    fc.assert(
      fc.property(standing, standing, (seen, ordered) => {
        const lone = aClient();
        lone.peer.volunteer(lone.nowMs, noLimits);
        lone.hear(root, { kind: 'release-now', notice: release(2, { standing: seen }) });
        const notice = release(3, { standing: seen });
        const serve = signed<Order>({
          type: 'order',
          action: 'serve',
          subject: peerNumber(1),
          releaseNumber: 3,
          issuer: root,
          standing: ordered,
        });
        lone.forget().hear(root, { kind: 'offer', order: serve, notice });
        const [answer] = lone.sent('answer');
        expect(answer?.message.verdict).toBe(compareStanding(ordered, seen) >= 0 ? 'taken' : 'declined');
      }),
      settings(200),
    );
  });

  it('is refused after a restart too: the highest is written down', () => {
    const before = aClient().hear(root, {
      kind: 'release-now',
      notice: release(2, { standing: { charter: 1, epoch: 2, term: 7 } }),
    });
    const after = new LonePeer(peerNumber(1)).start({ records: before.records }).attachTo(root);
    after.hear(root, { kind: 'release-now', notice: release(3, { standing: { charter: 1, epoch: 2, term: 6 } }) });
    expect(after.peer.state.releases.latest?.number).toBe(2);
    expect(after.told('refused')).toHaveLength(1);
  });
});
