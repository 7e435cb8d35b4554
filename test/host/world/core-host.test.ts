import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../../src/core/options.ts';
import type { Happening } from '../../../src/host/happenings.ts';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { FarmClock } from '../../../src/host/world/clock.ts';
import { CoreHost } from '../../../src/host/world/core-host.ts';
import type { Network } from '../../../src/network/network.ts';
import type { DurableRow } from '../../../src/wire/index.ts';
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
  /** Called with all that happened. */
  listener: (happening: Happening) => void;
  disk: 'well' | 'full';
}

async function hosted(): Promise<Hosted> {
  const network = await startNetwork();
  const [log, commits]: [string[], string[]] = [[], []];
  const { privateKey } = generateKeyPairSync('ed25519');
  const state: Hosted = { network, log, commits, listener: () => {}, disk: 'well' } as unknown as Hosted;
  network.send = () => {
    log.push('send');
  };
  const host = new CoreHost({
    network,
    book: new AddressBook(),
    rows: {
      put: (rows: readonly DurableRow[]) => {
        if (state.disk === 'full') throw new Error('no space left');
        log.push(`put ${rows.map(({ kind }) => kind).join(' ')}`);
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
      if (from === 'commits') commits.push(event.type === 'commit-failed' ? event.reason : event.type);
      state.listener(happening);
    },
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
});
