/**
 * Three ways to bring the same bytes from one process's disk to another's.
 *
 * `banyan` is what a server does with a release: signed, cut into blocks, every block checked at the door. The others
 * are yardsticks that check nothing and move one file: a plain TCP socket, and a bare libp2p stream with noise and yamux
 * as they come. All begin when the receiver asks, on a connection that is there already, and end when the bytes are on the
 * receiver's disk (fsync).
 */
import '../../src/network/polyfill.ts';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPair } from '@libp2p/crypto/keys';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { ReleaseNotice } from '../../src/core/messages/index.ts';
import { Carrier } from '../../src/host/hosting/carrier.ts';
import type { HostLogger } from '../../src/network/network-options.ts';
import { Network } from '../../src/network/network.ts';
import { ReleaseStore, type ServiceIdentity, createService } from '../../src/service/index.ts';

/** What is moved: a release in a store, and the same bytes as one file. */
export interface Cargo {
  readonly storeFolder: string;
  readonly identity: ServiceIdentity;
  readonly release: number;
  /** Of the manifest, hexadecimal. */
  readonly manifestId: string;
  readonly filePath: string;
  readonly bytes: number;
}

/** A process that has the cargo and gives it to whoever asks. `address` is for the receiver of the same way. */
export interface Sender {
  readonly address: string;
}

/** A process that fetches the cargo, as often as it is told. */
export interface Receiver {
  /** Resolves when all of it lies in `folder`, which is new and empty. */
  fetch(folder: string): Promise<void>;
}

export interface Way {
  send(cargo: Cargo): Promise<Sender>;
  receive(cargo: Cargo, address: string): Promise<Receiver>;
}

export const wayNames = ['banyan', 'libp2p', 'socket'] as const;
export type WayName = (typeof wayNames)[number];

const host = '127.0.0.1';
const listen = [`/ip4/${host}/tcp/0`];
const protocol = '/banyan-bench/file/1.0.0';
const chunkBytes = 256 * 1024;
const nobody = -1 as PeerHandle;
const silent: HostLogger = { debug: () => {}, warn: () => {}, error: () => {} };

const banyan: Way = {
  async send(cargo) {
    const network = await startNetwork();
    const { carrier } = await openCarrier(network, cargo.storeFolder, cargo.identity);
    await carrier.start();
    return { address: network.addresses()[0] ?? '' };
  },

  async receive(cargo, address) {
    const network = await startNetwork();
    const sender = address.slice(address.lastIndexOf('/') + 1);
    network.learn(sender, [address]);
    network.keep(sender);
    await once(network, 'connected');
    const notice: ReleaseNotice = {
      type: 'release',
      number: cargo.release,
      digest: Buffer.from(cargo.manifestId, 'hex'),
      sizeBytes: cargo.bytes,
      issuer: nobody,
      standing: { charter: 1, epoch: 1, term: 1 },
      signature: new Uint8Array(64),
    };
    return {
      fetch: async (folder) => {
        const { store, carrier } = await openCarrier(network, folder, cargo.identity);
        const outcome = await carrier.fetch(notice, sender);
        await store.close();
        if (!outcome.ok) throw new Error(`The release did not arrive: ${outcome.message}`);
      },
    };
  },
};

const socket: Way = {
  async send(cargo) {
    const server = createServer((connection) => {
      connection.on('data', () => giveFile(cargo.filePath, connection));
    });
    server.listen(0, host);
    await once(server, 'listening');
    return { address: String((server.address() as AddressInfo).port) };
  },

  async receive(cargo, address) {
    const dial = async (): Promise<Socket> => {
      const connection = connect({ host, port: Number(address) });
      await once(connection, 'connect');
      return connection;
    };
    // Each file ends with its connection: the next one is opened beforehand.
    let next = dial();
    return {
      fetch: async (folder) => {
        const connection = await next;
        connection.write('x');
        await takeFile(connection, folder, cargo.bytes);
        next = dial();
      },
    };
  },
};

function giveFile(path: string, connection: Socket): void {
  pipeline(createReadStream(path, { highWaterMark: chunkBytes }), connection).catch((error: Error) => {
    connection.destroy(error);
  });
}

const libp2p: Way = {
  async send(cargo) {
    const node = await createBareNode();
    await node.handle(protocol, async (stream) => {
      for await (const chunk of createReadStream(cargo.filePath, { highWaterMark: chunkBytes })) {
        if (!stream.send(chunk as Buffer)) await stream.onDrain();
      }
      await stream.close();
    });
    return { address: node.getMultiaddrs()[0]?.toString() ?? '' };
  },

  async receive(cargo, address) {
    const node = await createBareNode();
    const connection = await node.dial(multiaddr(address));
    return {
      fetch: async (folder) => {
        const stream = await connection.newStream(protocol);
        const chunks = async function* (): AsyncGenerator<Uint8Array> {
          for await (const chunk of stream) yield chunk instanceof Uint8Array ? chunk : chunk.subarray();
        };
        await takeFile(chunks(), folder, cargo.bytes);
        // Closed on this side too, or it stays: memory that later rounds pay for, and after 32 of them no more are let in.
        await stream.close();
      },
    };
  },
};

export const ways: Readonly<Record<WayName, Way>> = { banyan, libp2p, socket };

async function startNetwork(): Promise<Network> {
  const network = await Network.create({ privateKey: await generateKeyPair('Ed25519'), listen });
  await network.start();
  return network;
}

async function openCarrier(
  network: Network,
  folder: string,
  identity: ServiceIdentity,
): Promise<{ readonly store: ReleaseStore; readonly carrier: Carrier }> {
  const store = await ReleaseStore.open(folder, identity);
  const service = createService('site', { store });
  return { store, carrier: new Carrier(network, store, service, silent) };
}

async function createBareNode(): Promise<Libp2p> {
  return await createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
}

/** Writes what comes to a file, and brings it to the disk. */
async function takeFile(source: AsyncIterable<Uint8Array>, folder: string, bytes: number): Promise<void> {
  const path = join(folder, 'file');
  await pipeline(source, createWriteStream(path, { flush: true, highWaterMark: 4 * chunkBytes }));
  const { size } = await stat(path);
  if (size !== bytes) throw new Error(`${size} bytes arrived of ${bytes}.`);
}
