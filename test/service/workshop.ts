/** What the tests of the service are made from: temporary folders, a founded service, sites of files, real sockets. */
import { mkdir, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach } from 'vitest';
import {
  type ByteStream,
  type Charter,
  type CharterTerms,
  type Manifest,
  ReleaseStore,
  type SigningKey,
  type StoreOptions,
  createKey,
  foundCharter,
  publishFolder,
} from '../../src/service/index.ts';

const cleanups: (() => Promise<void> | void)[] = [];

/** Runs after the test, last one first. */
export function afterwards(cleanup: () => Promise<void> | void): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-test-'));
  afterwards(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const testNowMs = Date.UTC(2026, 10, 20, 12);
export const testRootPeerId = '12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp';
export const testOtherPeerId = '12D3KooWHdiAxVd8uMQR1hGWXccidmfCwLqcMpGwR6QcTP6QRMuD';

export interface Founded {
  readonly ownerKey: SigningKey;
  readonly rootKey: SigningKey;
  readonly charter: Charter;
}

export function termsFor(rootKey: SigningKey): CharterTerms {
  return {
    name: 'A garden of pages',
    requirementMs: 120,
    tree: { fanOut: 8, heartbeatMs: 1000 },
    kind: 'site',
    admission: 'invited',
    gateways: [],
    rootPublicKey: rootKey.publicKey,
    rootPeerId: testRootPeerId,
  };
}

export function found(): Founded {
  const [ownerKey, rootKey] = [createKey(), createKey()];
  return { ownerKey, rootKey, charter: foundCharter(ownerKey, termsFor(rootKey), testNowMs) };
}

export type Files = Readonly<Record<string, string | Uint8Array>>;

export async function folderOf(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

export async function openStore(
  charter: Charter,
  options: StoreOptions & { folder?: string } = {},
): Promise<ReleaseStore> {
  const store = await ReleaseStore.open(options.folder ?? (await temporaryFolder()), charter, options);
  afterwards(() => store.close());
  return store;
}

export async function publish(
  service: Founded,
  store: ReleaseStore,
  files: Files,
  nowMs = testNowMs,
): Promise<Manifest> {
  const { manifest } = await publishFolder({
    folder: await folderOf(files),
    store,
    ownerKey: service.ownerKey,
    standing: { charter: 1, epoch: 0, term: 0 },
    nowMs,
  });
  return manifest;
}

/** Bytes that do not compress and are the same in every run. */
export function noise(bytes: number, seed: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let i = 0; i < bytes; i += 1) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    buffer[i] = state & 0xff;
  }
  return buffer;
}

/** A TCP socket as a byte stream. */
export function streamOf(socket: Socket): ByteStream {
  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error == null ? resolve() : reject(error)));
      }),
    chunks: socket,
    closeWrite: () =>
      new Promise((resolve) => {
        socket.end(() => resolve());
      }),
    abort: (error) => socket.destroy(error),
  };
}

/** Two ends of a real TCP connection on loopback. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  for (const socket of [near, far]) {
    socket.on('error', () => undefined); // told to whoever reads
    afterwards(() => {
      socket.destroy();
    });
  }
  server.close();
  return [near, far];
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export async function serveHttp(listener: Parameters<typeof createHttpServer>[1]): Promise<number> {
  return listen(listener === undefined ? createHttpServer() : createHttpServer(listener));
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export async function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  const request = httpRequest({ port, host: '127.0.0.1', path, headers, method, agent: false }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
}

/** Changes one bit of a store's packs on disk: in the first byte of `needle`, wherever it lies. */
export async function spoil(folder: string, needle: Buffer): Promise<void> {
  for (const name of await readdir(join(folder, 'packs'))) {
    const path = join(folder, 'packs', name);
    const at = (await readFile(path)).indexOf(needle);
    if (at === -1) continue;
    const file = await open(path, 'r+');
    await file.write(Buffer.from([(needle[0] ?? 0) ^ 1]), 0, 1, at);
    await file.close();
    return;
  }
  throw new Error('the bytes to spoil are in no pack');
}
