/** The short way of a heartbeat has the effects of the long one, and a peer that found no better place looks less often. */
import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { Pulses } from '../../../src/core/quiet/pulses.ts';
import { SimulatedFarm, generous, handle } from '../../../simulator/farm.ts';
import { idleLayer } from '../idle-layer.ts';
import type { LonePeer } from '../lone-peer.ts';
import { aClient, card, down, join, member, peerNumber, pong, roster, up } from '../lone-peer.ts';

const root = handle(0);
/** A client that changes servers waits this many beats for its children to leave. */
const handoverBeats = 10;

/** A farm in which servers come, clients move to them, a peer dies with a subtree below it, and some peers leave and come back. */
function farmWhoseLayersAre(idle: boolean, onSend: SimulatedFarm['onSend'] = null): SimulatedFarm {
  const farm = new SimulatedFarm({
    seed: 7,
    rttMs: (a, b) => 20 + ((a * 31 + b * 17) % 60),
    layers: () => [() => idleLayer(idle)],
  });
  farm.onSend = onSend;
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1_000));
  for (let n = 1; n < 60; n++) farm.after(n * 200, () => farm.start(handle(n), { as: 'peer', root, neighbours: [] }));
  farm.run(60_000);
  for (const n of [9, 25, 44]) {
    farm.act(handle(n), (peer, nowMs) => peer.volunteer(nowMs, generous));
    farm.run(60_000);
  }
  for (const n of [7, 12, 30]) farm.crash(handle(n), n !== 30);
  farm.run(300);
  farm.restart(handle(12));
  farm.run(60_000);
  farm.restart(handle(30), false);
  farm.act(handle(41), (peer, nowMs) => peer.leave(nowMs));
  farm.run(60_000);
  return farm;
}

describe('a heartbeat without news', () => {
  it('takes the short way, and everything happens as it would on the long one', () => {
    const short = farmWhoseLayersAre(true);
    const long = farmWhoseLayersAre(false);
    expect(short.quietBeats).toBeGreaterThan(1_000);
    expect(long.quietBeats).toBe(0);
    expect(short.traceHash).toBe(long.traceHash);
    expect(short.messages).toBe(long.messages);
    expect(short.delivered).toBe(long.delivered);
    expect(short.wakes).toBe(long.wakes);
  });

  it('is written out for a listener, with equal content', () => {
    const unseen = farmWhoseLayersAre(true);
    const seen = farmWhoseLayersAre(true, () => undefined);
    expect(seen.quietBeats).toBe(0);
    expect(seen.traceHash).toBe(unseen.traceHash);
  });

  it('echoes the number of the parent, even one that no honest parent would reach', () => {
    const client = quiet(aClient(), 20);
    const sequence = (client.peer.state.clients.place?.stamp.sequence ?? 0) + 1;
    const beat = 2 ** 40;
    client.pass(10);
    client
      .forget()
      .hear(root, down({ stamp: { root, life: 1, sequence }, beat }))
      .pass(1_000);
    expect(client.sent('heartbeat-up').map(({ message }) => message.echo)).toEqual([beat]);
  });

  it('takes the long way when the parent reports another standing, alone in its process or beside many others', () => {
    const newer = { charter: 1, epoch: 2, term: 1 };
    const heard = (client: LonePeer): unknown => {
      const { ctx, clients } = client.peer.state;
      const sequence = (clients.place?.stamp.sequence ?? 0) + 1;
      const { parentRosterVersion: rosterVersion } = clients;
      const stamp = { root, life: 1, sequence };
      // Looking at a peer takes its pulse back: it hands it over again with its next beat.
      client.pass(1_000);
      client.hear(root, down({ stamp, beat: sequence, rosterVersion, castDigest: ctx.castDigest, standing: newer }));
      return clients.parentStanding;
    };
    expect(heard(quiet(aClient(), 20))).toEqual(newer);

    /** Takes each standing for the one it knows. */
    class Deaf extends Pulses {
      override isKnownStanding(): boolean {
        return true;
      }
    }
    expect(heard(quiet(aClient({}, [], { pulses: new Deaf() }), 20))).not.toEqual(newer);
  });

  it('is passed on to quiet children with the standing that the parent has', () => {
    const farm = farmWhoseLayersAre(true);
    const newer = { charter: 1, epoch: 2, term: 1 };
    const parents = farm.living().filter(({ role, state }) => role === 'client' && state.clients.children.length > 0);
    expect(parents.length).toBeGreaterThan(3);
    for (const { self } of parents) farm.act(self, (peer) => (peer.state.ctx.authority.standing = newer));
    farm.run(10_000);
    const children = parents.flatMap(({ state }) => state.clients.children.map((child) => farm.peer(child.peer)));
    for (const child of children) expect(child?.state.clients.parentStanding, `peer ${child?.self}`).toEqual(newer);
  });

  it('goes the long way again as soon as something happens', () => {
    const client = quiet(aClient(), 20);
    expect(client.peer.state.ctx.routineBeats).toBeGreaterThan(0);
    client.peer.drain(client.nowMs);
    expect(client.peer.state.ctx.routineBeats).toBe(0);
  });
});

describe('a client that hands its children over before it changes servers', () => {
  it('takes children again after ten beats if they do not leave, even when it is quiet', () => {
    const [child, near] = [peerNumber(5), peerNumber(6)];
    const client = aClient().hear(child, join(1));
    const records = [root, near].map((peer) => member(peer, 'serving'));
    client.hear(root, { kind: 'view', version: 1, server: root, records });
    const { ctx, clients, views } = client.peer.state;
    const beat = (): void => {
      const stamp = { root, life: 1, sequence: (clients.place?.stamp.sequence ?? 0) + 1 };
      const digests = { castDigest: ctx.castDigest, membershipDigest: ctx.viewDigest };
      client.hear(root, down({ stamp, beat: stamp.sequence, ...digests }));
      client.hear(child, up({ echo: clients.beat })).pass(1_000);
    };
    expect(views.servers()).toHaveLength(2);
    // It asks how far they are when it looks around for the first time; then there is nothing to do until the next look.
    client.forget();
    while (!client.sent('ping').some(({ to }) => to === near)) beat();
    expect(ctx.routineBeats).toBe(10);
    const answer = (from: PeerHandle, ms: number): void => {
      const asked = client.sent('ping').findLast(({ to }) => to === from);
      client.pass(ms).hear(from, pong(asked?.message.nonce ?? 0));
    };
    answer(near, 5);
    answer(root, 200);
    expect(clients.closed).toBe(true);
    for (let second = 0; second < handoverBeats + 2; second++) beat();
    expect(clients.closed).toBe(false);
  });
});

describe('looking for a better place', () => {
  const looksIn = (client: LonePeer, seconds: number): number => {
    quiet(client.forget(), seconds);
    return client.sent('ping').filter(({ to }) => to === root).length;
  };

  it('is done less often while the neighbourhood stays the same', () => {
    const client = aClient();
    expect(looksIn(client, 160)).toBe(11);
    looksIn(client, 100);
    expect(looksIn(client, 160)).toBe(2);
  });

  it('is done as often as before when there are others', () => {
    const client = aClient();
    looksIn(client, 400);
    const stamp = { root, life: 1, sequence: 5_000 };
    client.hear(root, down({ stamp, roster: roster([root], { version: 9, siblings: [card(peerNumber(3), 10)] }) }));
    expect(looksIn(client, 20)).toBeGreaterThanOrEqual(2);
  });
});

/** This many seconds with a beat of the parent in each, and nothing else. */
function quiet(client: LonePeer, seconds: number): LonePeer {
  for (let second = 0; second < seconds; second++) {
    const { ctx, clients } = client.peer.state;
    const sequence = (clients.place?.stamp.sequence ?? 0) + 1;
    const rosterVersion = clients.parentRosterVersion;
    client
      .hear(
        root,
        down({ stamp: { root, life: 1, sequence }, beat: sequence, rosterVersion, castDigest: ctx.castDigest }),
      )
      .pass(1_000);
  }
  return client;
}
