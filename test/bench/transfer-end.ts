/**
 * One end of a transfer, in a process of its own: `sender` or `receiver`, of one of three kinds.
 *
 * `release` is what servers do: blocks verified against the signed manifest, written, synced, switched to. `stream` and `socket`
 * are the yardsticks: the same files' bytes read from the disk, sent over one bare libp2p stream or one TCP socket, written to one
 * file, synced. The connection stands before the clock runs; the clock stops after the last fsync.
 */
import '../../src/host/polyfill.ts';
import { open, readdir } from 'node:fs/promises';
import { type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Stream } from '@libp2p/interface';
import { byteStream } from '../../src/host/byte-stream.ts';
import { Network } from '../../src/host/network.ts';
import { ReleaseStore, type ServiceIdentity, receiveRelease, sendRelease } from '../../src/service/index.ts';

export type Kind = 'release' | 'stream' | 'socket';

export interface EndPlan {
  readonly end: 'sender' | 'receiver';
  readonly kind: Kind;
  /** Sender: the release's store, or the folder of plain files. Receiver: an empty folder. */
  readonly folder: string;
  readonly identity: ServiceIdentity;
  readonly bytes: number;
  /** Receiver: where the sender is. */
  readonly address?: string;
  readonly peerId?: string;
}

export type EndReport =
  | { readonly type: 'ready'; readonly address: string; readonly peerId: string }
  | { readonly type: 'done'; readonly ms: number; readonly peakRssBytes: number; readonly startRssBytes: number };

const protocol = '/banyan/bench/transfer';
const pieceBytes = 256 * 1024;

function report(said: EndReport): void {
  process.send?.(said);
}

async function startNetwork(): Promise<Network> {
  const network = await Network.create({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
  });
  await network.start();
  return network;
}

// --- The sender -------------------------------------------------------------------------------------------------------

async function* piecesOf(folder: string): AsyncGenerator<Buffer> {
  for (const name of (await readdir(folder)).sort()) {
    const file = await open(join(folder, name));
    try {
      for (;;) {
        const piece = Buffer.allocUnsafe(pieceBytes);
        const { bytesRead } = await file.read(piece);
        if (bytesRead === 0) break;
        yield piece.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }
}

async function send({ kind, folder, identity }: EndPlan): Promise<void> {
  if (kind === 'socket') {
    const server = createServer((socket) => {
      socket.once('data', () => void pourInto(socket, folder));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    report({ type: 'ready', address: String(address.port), peerId: '' });
    return;
  }
  const network = await startNetwork();
  const store = kind === 'release' ? await ReleaseStore.open(folder, identity) : null;
  await network.handle(protocol, async (stream) => {
    if (store !== null) await sendRelease(byteStream(stream), store);
    else await pourIntoStream(stream, folder);
  });
  report({ type: 'ready', address: network.addresses()[0] ?? '', peerId: network.peerId });
}

async function pourInto(socket: Socket, folder: string): Promise<void> {
  for await (const piece of piecesOf(folder)) if (!socket.write(piece)) await once(socket, 'drain');
  socket.end();
}

/** libp2p's own interface and nothing of ours in between. */
async function pourIntoStream(stream: Stream, folder: string): Promise<void> {
  for await (const piece of piecesOf(folder)) if (!stream.send(piece)) await stream.onDrain();
  await stream.close();
}

// --- The receiver ---------------------------------------------------------------------------------------------------------

async function receive(plan: EndPlan): Promise<void> {
  const run = plan.kind === 'socket' ? await overSocket(plan) : await overLibp2p(plan);
  const startRssBytes = process.memoryUsage().rss;
  const startMs = performance.now();
  await run();
  const ms = performance.now() - startMs;
  report({ type: 'done', ms, peakRssBytes: process.resourceUsage().maxRSS * 1024, startRssBytes });
}

async function overSocket({ address, folder, bytes }: EndPlan): Promise<() => Promise<void>> {
  const socket = connect({ port: Number(address), host: '127.0.0.1' });
  await once(socket, 'connect');
  return async () => {
    socket.write('go');
    await writeAll(socket, folder, bytes);
  };
}

async function overLibp2p({
  kind,
  address = '',
  peerId = '',
  folder,
  identity,
  bytes,
}: EndPlan): Promise<() => Promise<void>> {
  const network = await startNetwork();
  network.learn(peerId, [address]);
  if (kind === 'stream') {
    const [dialled] = [await network.openStream(peerId, '/ipfs/id/1.0.0')];
    dialled.abort(new Error('only to be connected'));
    return async () => {
      const stream = await network.openStream(peerId, protocol);
      await writeAll(stream, folder, bytes);
    };
  }
  const store = await ReleaseStore.open(folder, identity);
  const dialled = await network.openStream(peerId, '/ipfs/id/1.0.0');
  dialled.abort(new Error('only to be connected'));
  return async () => {
    const stream = byteStream(await network.openStream(peerId, protocol));
    const { manifest } = await receiveRelease(stream, store);
    await store.install(manifest);
  };
}

async function writeAll(
  source: AsyncIterable<Uint8Array | { readonly byteLength: number; subarray(): Uint8Array }>,
  folder: string,
  bytes: number,
): Promise<void> {
  const file = await open(join(folder, 'copy'), 'w');
  let came = 0;
  for await (const piece of source) {
    const plain = piece instanceof Uint8Array ? piece : piece.subarray();
    came += plain.byteLength;
    await file.write(plain);
  }
  await file.sync();
  await file.close();
  if (came !== bytes) throw new Error(`${came} of ${bytes} bytes came`);
}

process.once('message', (plan: EndPlan) => {
  const work = plan.end === 'sender' ? send(plan) : receive(plan);
  work.catch((error: unknown) => {
    process.stderr.write(
      `${plan.kind} ${plan.end}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  });
});
