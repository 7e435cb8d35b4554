/** Authority over others, asked of one peer that knows its charter. `src/core/authority.ts`. */
import { describe, expect, it } from 'vitest';
import type { Authority } from '../../src/core/authority.ts';
import { NOBODY } from '../../src/core/ids.ts';
import { LonePeer, aClient, aServer, member, order, peerNumber, release, root } from './lone-peer.ts';

const other = peerNumber(7);

function authorityOf(peer: LonePeer): Authority {
  return peer.peer.state.ctx.authority;
}

describe('the peer that the charter names', () => {
  it('leads, and is the origin of the tree of servers', () => {
    const authority = authorityOf(aClient());
    expect(authority.leader).toBe(root);
    expect(authority.origin).toBe(root);
    expect(authority.isLeader(root)).toBe(true);
    expect(authority.isLeader(other)).toBe(false);
  });

  it('knows that it leads, and does no more once it has left', () => {
    const lone = new LonePeer(root).start({ as: 'root' });
    expect(authorityOf(lone).leads()).toBe(true);
    lone.peer.leave(lone.nowMs);
    lone.pass(60_000);
    expect(lone.peer.role).toBe('outside');
    expect(authorityOf(lone).leads()).toBe(false);
  });

  it.each([
    ['a client', aClient],
    ['a server', aServer],
  ])('is not %s', (_, make) => {
    expect(authorityOf(make()).leads()).toBe(false);
    expect(authorityOf(make()).isNamed).toBe(false);
  });

  it('is unknown before the charter is, and then no peer leads', () => {
    const authority = authorityOf(new LonePeer().start({ as: 'idle', root: NOBODY }));
    expect(authority.isKnown).toBe(false);
    expect(authority.isLeader(other)).toBe(false);
    expect(authority.mayIssue(NOBODY)).toBe(false);
  });
});

describe('by its office', () => {
  const authority = authorityOf(aClient());

  it('the root signs release notices, orders, exclusions and burials', () => {
    expect(authority.maySign(release(2), root)).toBe(true);
    expect(authority.maySign(order(other), root)).toBe(true);
    expect(authority.maySign({ type: 'member', state: 'excluded' }, root)).toBe(true);
    expect(authority.maySign({ type: 'member', state: 'gone' }, root)).toBe(true);
  });

  it('no other peer signs any of these', () => {
    expect(authority.maySign(release(2), other)).toBe(false);
    expect(authority.maySign(order(other), other)).toBe(false);
    expect(authority.maySign({ type: 'member', state: 'excluded' }, other)).toBe(false);
    expect(authority.maySign({ type: 'member', state: 'gone' }, other)).toBe(false);
  });

  it('no peer states of another that it serves', () => {
    for (const state of ['joining', 'serving', 'draining'] as const)
      expect(authority.maySign(member(other, state), root)).toBe(false);
  });

  it('the root lets others in', () => {
    expect(authority.mayIssue(root)).toBe(true);
    expect(authority.mayIssue(other)).toBe(false);
  });
});

describe('the standing', () => {
  const newer = { charter: 1, epoch: 2, term: 1 };

  it('rises with statements of the leader, is written down, and never falls', () => {
    const client = aClient().forget();
    const authority = authorityOf(client);
    expect(authority.acknowledges(order(other, { standing: newer }))).toBe(true);
    expect(client.records.filter(({ type }) => type === 'standing')).toEqual([{ type: 'standing', ...newer }]);
    expect(authority.acknowledges(order(other))).toBe(false);
    expect(authority.standing).toEqual(newer);
  });

  it('does not rise with statements of others', () => {
    const client = aClient().forget();
    expect(authorityOf(client).acknowledges(member(other, 'serving', { standing: newer }))).toBe(true);
    expect(authorityOf(client).standing).not.toEqual(newer);
    expect(client.records.filter(({ type }) => type === 'standing')).toEqual([]);
  });
});
