import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../../src/core/options.ts';
import type { Happening } from '../../../src/host/happenings.ts';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { FarmClock } from '../../../src/host/world/clock.ts';
import { CoreHost } from '../../../src/host/world/core-host.ts';
import type { Network } from '../../../src/network/network.ts';
import type { RowChange } from '../../../src/host/node-state.ts';
import type { PeerEvent } from '../../../src/core/world.ts';
import { afterwards } from '../../service/workshop.ts';
import { startNetwork } from '../../network/test-network.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };

interface Hosted {
  readonly host: CoreHost;
  readonly network: Network;
  /** What happened, in order: rows that were put, messages that left. */
  readonly log: string[];
  /** What became of commits: why they failed, or that they did not. */
  readonly commits: string[];
  /** What was told as a problem; null for one that is over. */
  readonly problems: (string | null)[];
  readonly events: PeerEvent[];
  /** Called with all that happened. */
  listener: (happening: Happening) => void;
  disk: 'well' | 'full';
}

async function hosted(): Promise<Hosted> {
  const network = await startNetwork();
  const [log, commits]: [string[], string[]] = [[], []];
  const [problems, events]: [(string | null)[], PeerEvent[]] = [[], []];
  const { privateKey } = generateKeyPairSync('ed25519');
  const parts = { network, log, commits, problems, events, listener: () => {}, disk: 'well' };
  const state: Hosted = parts as unknown as Hosted;
  network.send = () => {
    log.push('send');
  };
  const host = new CoreHost({
    network,
    book: new AddressBook(),
    rows: {
      put: (rows: readonly RowChange[]) => {
        if (state.disk === 'full') throw new Error('no space left');
        log.push(`put ${rows.map(({ kind, value }) => (value === null ? `-${kind}` : kind)).join(' ')}`);
      },
      all: () => [],
    },
    clock: new FarmClock(),
    serviceId: 'service',
    options: defaultOptions,
    logger: quiet,
    sign: (bytes) => sign(null, bytes, privateKey),
    admits: () => true,
    transfer: () => {},
    happened: (happening) => {
      const { from, event } = happening;
      if (from === 'peer') events.push(event);
      if (from === 'commits') commits.push(event.type === 'commit-failed' ? event.reason : event.type);
      state.listener(happening);
    },
    onProblem: (_about, sentence) => problems.push(sentence),
  });
  afterwards(() => host.stop());
  return Object.assign(state, { host });
}

describe('the host of a core', () => {
  test('writes what a turn persists before the first message of the turn leaves', async () => {
    const { host, log, network } = await hosted();
    const neighbour = (await startNetwork()).peerId;
    const peer = new AddressBook().handleOfPeer(neighbour);
    expect(network.peerId).not.toBe(neighbour);
    host.turn((core, nowMs) => {
      core.start(nowMs, { as: 'root', root: host.self, neighbours: [], records: [] });
    });
    host.turn((core, nowMs) => {
      core.receive(nowMs, peer, { kind: 'ping', nonce: 1 });
    });
    expect(log[0]).toMatch(/^put .*incarnation/);
    expect(log.indexOf('send')).toBeGreaterThan(0);
  });

  test('lets no message leave while the disk refuses, not even in later turns, and makes up for it afterwards', async () => {
    const run = await hosted();
    const { host, log, commits } = run;
    const peer = new AddressBook().handleOfPeer((await startNetwork()).peerId);
    const ping = (): void => {
      host.turn((core, nowMs) => core.receive(nowMs, peer, { kind: 'ping', nonce: 1 }));
    };
    run.disk = 'full';
    host.turn((core, nowMs) => core.start(nowMs, { as: 'root', root: host.self, neighbours: [], records: [] }));
    ping();
    expect(log).toEqual([]);
    expect(commits[0]).toContain('no space left');
    run.disk = 'well';
    ping();
    expect(log[0]).toMatch(/^put .*incarnation/);
    expect(log[1]).toBe('send');
    expect(commits.slice(-2)).toEqual(['commits-resumed', 'committed']);
  });

  test('passes on what happened when the turn is over and its messages have left: whoever listens may take a turn', async () => {
    const run = await hosted();
    const { host, log } = run;
    const peer = new AddressBook().handleOfPeer((await startNetwork()).peerId);
    run.listener = ({ event }) => {
      log.push(event.type);
      if (event.type === 'role-changed')
        host.turn((core, nowMs) => core.receive(nowMs, peer, { kind: 'ping', nonce: 1 }));
    };
    host.turn((core, nowMs) => {
      host.tell({ from: 'network', event: { type: 'connected', peerId: 'a' } });
      core.start(nowMs, { as: 'root', root: host.self, neighbours: [], records: [] });
    });
    expect(log[0]).toMatch(/^put /);
    expect(log.filter((what) => !what.startsWith('put'))).toEqual([
      'connected',
      'role-changed',
      'send',
      'reachability-changed',
      'member-changed',
      'committed',
    ]);
    host.tell({ from: 'network', event: { type: 'disconnected', peerId: 'a' } });
    expect(log.at(-1)).toBe('disconnected');
  });

  test('takes a record off the disk in the same transaction as what is written before and after it', async () => {
    const { host, log } = await hosted();
    host.turn(({ state }) => {
      state.ctx.raiseIncarnation(1);
      state.ctx.world.forget({ type: 'member', which: host.self });
      state.ctx.world.persist({ type: 'attached', atMs: 1 });
    });
    expect(log).toEqual(['put incarnation -member attached']);
  });

  describe('when a turn throws', () => {
    const half = (host: CoreHost) => (): void => {
      host.turn(({ state: { ctx } }) => {
        ctx.world.send(host.self, { kind: 'ping', nonce: 1 });
        ctx.world.persist({ type: 'attached', atMs: 1 });
        ctx.world.tell({ type: 'left' });
        throw new Error('half way');
      });
    };

    test('sends, writes and tells nothing of it, then or later, and says so', async () => {
      const { host, log, problems, events } = await hosted();
      expect(half(host)).toThrow('half way');
      host.turn(({ state }) => state.ctx.world.persist({ type: 'role', role: 'client' }));
      expect(log).toEqual(['put role']);
      expect(events).toEqual([]);
      expect(problems).toEqual([expect.stringContaining('half way')]);
    });

    test('still owes the disk what it refused before', async () => {
      const run = await hosted();
      const { host, log } = run;
      run.disk = 'full';
      host.turn(({ state }) => state.ctx.world.persist({ type: 'role', role: 'client' }));
      expect(half(host)).toThrow('half way');
      run.disk = 'well';
      host.turn(() => {});
      expect(log).toEqual(['put role']);
    });

    test('goes on beating, though the alarm of the broken turn is used up', async () => {
      const { host, log } = await hosted();
      host.turn((core, nowMs) => core.start(nowMs, { as: 'root', root: host.self, neighbours: [], records: [] }));
      host.inform(({ state }) => {
        state.ctx.timers.clear('beat');
        throw new Error('in the middle of a beat');
      });
      expect(host.peer.state.ctx.timers.isSet('beat')).toBe(true);
      expect(log.filter((line) => line.startsWith('put'))).toHaveLength(1);
    });
  });

  test('sends the other messages of a turn when one of them cannot be encoded, and tells of that one', async () => {
    const { host, log, problems } = await hosted();
    const send = (...nonces: number[]): void => {
      host.turn(({ state: { ctx } }) => {
        for (const nonce of nonces) ctx.world.send(host.self, { kind: 'ping', nonce });
      });
    };
    send(1, -1, 2);
    expect(log).toEqual(['send', 'send']);
    expect(problems).toEqual([expect.stringContaining("'ping'"), null]);
  });

  test('breaks off the turn that asks for a record which cannot be encoded, and writes again in the next', async () => {
    const { host, log, problems } = await hosted();
    host.inform(({ state }) => state.ctx.world.persist({ type: 'incarnation', value: -1 }));
    host.turn(({ state }) => state.ctx.world.persist({ type: 'role', role: 'client' }));
    expect(log).toEqual(['put role']);
    expect(problems).toHaveLength(1);
  });
});
