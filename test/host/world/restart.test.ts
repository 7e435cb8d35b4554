/** A disk is a disk: what a peer of the simulator finds on its own after a restart, a real one finds in SQLite. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { DurableRecord, PeerHandle } from '../../../src/core/index.ts';
import { defaultOptions } from '../../../src/core/options.ts';
import { AddressBook } from '../../../src/host/world/address-book.ts';
import { FarmClock } from '../../../src/host/world/clock.ts';
import { CoreHost } from '../../../src/host/world/core-host.ts';
import type { Network } from '../../../src/network/network.ts';
import { StateDatabase } from '../../../src/storage/state-database.ts';
import { SimulatedFarm, handle } from '../../../simulator/farm.ts';
import { startNetwork } from '../../network/test-network.ts';
import { afterwards, temporaryFolder } from '../../service/workshop.ts';

const quiet = { debug: () => {}, warn: () => {}, error: () => {} };
/** Of the root, of its parent among the servers, and of its parent among the clients, in both worlds. */
const [root, oak, elm] = [handle(1), handle(2), handle(3)];

type Told = readonly DurableRecord[];

const servers: DurableRecord = { type: 'parent', tree: 'servers', peer: oak };
const clients: DurableRecord = { type: 'parent', tree: 'clients', peer: elm };

/** Whom a simulated peer asks first after a restart, when it has persisted these records. */
function simulated(records: Told): PeerHandle | undefined {
  const farm = new SimulatedFarm({ seed: 1, rttMs: () => 10 });
  const self = handle(0);
  farm.start(self, { as: 'idle', root, neighbours: [] });
  farm.act(self, ({ state }) => records.forEach((record) => state.ctx.world.persist(record)));
  farm.crash(self);
  const asked: PeerHandle[] = [];
  farm.onSend = (from, to) => void (from === self && asked.push(to));
  farm.start(self, { as: 'peer', root, neighbours: [] });
  return asked[0];
}

/** And whom a real one asks, whose records went through SQLite. */
async function real(records: Told): Promise<PeerHandle | undefined> {
  const network = await startNetwork();
  const names = [
    network.peerId,
    ...(await Promise.all([root, oak, elm].map(async () => (await startNetwork()).peerId))),
  ];
  const path = join(await temporaryFolder(), 'state.db');
  const asked: PeerHandle[] = [];
  const life = (): { host: CoreHost; end: () => void } => {
    const state = StateDatabase.open(path);
    const host = hostOf(network, names, state);
    return {
      host,
      end: () => {
        host.stop();
        state.close();
      },
    };
  };
  const first = life();
  first.host.turn(({ state }) => records.forEach((record) => state.ctx.world.persist(record)));
  first.end();
  network.send = (peerId) => void asked.push(names.indexOf(peerId) as PeerHandle);
  const second = life();
  afterwards(second.end);
  second.host.start({ as: 'peer', root, neighbours: [] });
  return asked[0];
}

function hostOf(network: Network, names: readonly string[], rows: StateDatabase): CoreHost {
  const book = new AddressBook();
  for (const name of names) book.handleOfPeer(name);
  const { privateKey } = generateKeyPairSync('ed25519');
  return new CoreHost({
    network,
    book,
    rows,
    clock: new FarmClock(),
    serviceId: 'service',
    options: defaultOptions,
    logger: quiet,
    sign: (bytes) => sign(null, bytes, privateKey),
    admits: () => true,
    transfer: () => {},
    happened: () => {},
    onProblem: () => {},
  });
}

test.each([
  ['a server that became a client', [servers, clients], elm],
  ['a client that became a server', [clients, servers], oak],
  ['one that went back and forth', [servers, clients, servers], oak],
] as const)('%s asks its last parent first, in both worlds', async (_, records, parent) => {
  expect(simulated(records)).toBe(parent);
  expect(await real(records)).toBe(parent);
});
