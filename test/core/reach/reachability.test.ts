/** Can others dial this peer? docs/protocol/reachability.md. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import type { TreeOptions } from '../../../src/core/options.ts';
import type { World } from '../../../src/core/world.ts';
import { LonePeer, card, down, peerNumber, root, roster } from '../lone-peer.ts';

const [one, two, three, four] = [peerNumber(1), peerNumber(2), peerNumber(3), peerNumber(4)];

/** A client below the root with these siblings; `subnet` says where each peer sits. */
function among(siblings: readonly PeerHandle[], subnet: World['subnet'], options: Partial<TreeOptions> = {}): LonePeer {
  const lone = new LonePeer(one, options, { subnet }).start();
  lone.attachTo(root, { roster: roster([root], { siblings: siblings.map((peer) => card(peer, 10)) }) });
  return lone;
}

const asked = (lone: LonePeer): number[] => lone.sent('dial-back').map(({ to }) => to);
const everybodyElsewhere = (peer: PeerHandle): number => peer;

/** Lets the parent speak while time passes, so that the peer is not busy with repair. */
function live(lone: LonePeer, seconds: number): LonePeer {
  for (let second = 0; second < seconds; second++) lone.hear(root, down()).pass(1_000);
  return lone;
}

describe('a peer', () => {
  it('is a leaf until two others have dialled it back', () => {
    const lone = live(among([two, three], everybodyElsewhere), 2);
    expect(lone.peer.state.ctx.reachable).toBe(false);
    lone.confirm(root);
    expect(lone.peer.state.ctx.reachable).toBe(false);
    lone.confirm(two);
    expect(lone.peer.state.ctx.reachable).toBe(true);
    expect(lone.told('reachability-changed').map(({ reachable }) => reachable)).toEqual([true]);
  });

  it('asks only peers in other subnets', () => {
    const lone = live(
      among([two, three, four], (peer) => (peer === two || peer === one ? 1 : peer)),
      2,
    );
    expect(asked(lone)).not.toContain(two);
    expect(asked(lone)).toContain(three);
  });

  it('in a farm that lives in one subnet asks any two', () => {
    const lone = live(
      among([two, three], () => 1),
      2,
    );
    expect(asked(lone)).toEqual([root, two, three]);
    expect(lone.confirm(two, three).peer.state.ctx.reachable).toBe(true);
  });

  it('that knows only one other is content with that one', () => {
    const lone = live(among([], everybodyElsewhere), 2).confirm(root);
    expect(lone.peer.state.ctx.reachable).toBe(true);
  });

  it('takes nobody’s word but of those it asked, and for the nonce it gave', () => {
    const lone = live(among([two, three], everybodyElsewhere), 2).confirm(root);
    lone
      .hear(four, { kind: 'dialed-back', nonce: 1, worked: true })
      .hear(two, { kind: 'dialed-back', nonce: -5, worked: true });
    expect(lone.peer.state.ctx.reachable).toBe(false);
  });

  it('whose dial failed stays a leaf, and asks others, ever more rarely', () => {
    const lone = among([two, three], everybodyElsewhere);
    const fail = (): void => {
      for (const { to, message } of lone.sent('dial-back'))
        lone.hear(to, { kind: 'dialed-back', nonce: message.nonce, worked: false });
    };
    const counts: number[] = [];
    for (let minute = 0; minute < 6; minute++) {
      lone.forget();
      for (let second = 0; second < 60; second++) {
        live(lone, 1);
        fail();
      }
      counts.push(asked(lone).length);
    }
    expect(lone.peer.state.ctx.reachable).toBe(false);
    expect(counts[0]).toBeGreaterThan(6);
    expect(counts[5]).toBeLessThanOrEqual(3);
    expect(counts[5]).toBeLessThan(counts[0] ?? 0);
  });

  it('renews what was confirmed before it runs out', () => {
    const lone = live(among([two, three], everybodyElsewhere, { reachableForMs: 60_000 }), 2).confirm(root, two);
    live(lone.forget(), 45);
    expect(asked(lone)).toEqual([]);
    live(lone, 10);
    expect(asked(lone).length).toBeGreaterThanOrEqual(2);
    lone.confirm(root, two, three);
    live(lone, 20);
    expect(lone.peer.state.ctx.reachable).toBe(true);
  });

  it('that no peer confirms any more becomes a leaf again', () => {
    const lone = live(among([two, three], everybodyElsewhere, { reachableForMs: 60_000 }), 2).confirm(root, two);
    live(lone, 90);
    expect(lone.peer.state.ctx.reachable).toBe(false);
  });

  it('starts over when its address changes', () => {
    const lone = live(among([two, three], everybodyElsewhere), 2)
      .confirm(root, two)
      .forget();
    lone.peer.addressChanged(lone.nowMs);
    expect(lone.peer.state.ctx.reachable).toBe(false);
    live(lone, 2);
    expect(asked(lone).length).toBeGreaterThanOrEqual(2);
  });

  it('dials back whoever asks, and tells the outcome', () => {
    const lone = among([two], everybodyElsewhere).forget();
    lone.hear(two, { kind: 'dial-back', nonce: 7 });
    expect(lone.effects).toContainEqual({ does: 'dial', peer: two, nonce: 7 });
    lone.peer.dialed(lone.nowMs, two, 7, false);
    expect(lone.sent('dialed-back').map(({ to, message }) => [to, message.worked])).toEqual([[two, false]]);
  });
});

describe('the root', () => {
  it('counts as reachable: its addresses stand in the invites', () => {
    const lone = new LonePeer(root).start({ as: 'root', neighbours: [] });
    expect(lone.peer.state.ctx.reachable).toBe(true);
    lone.peer.addressChanged(lone.nowMs);
    expect(lone.peer.state.ctx.reachable).toBe(true);
  });
});
