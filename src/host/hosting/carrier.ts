/**
 * Carrying releases between servers: hands out what this peer holds, fetches what it shall hold.
 *
 * One transfer comes in at a time; a notice that arrives meanwhile waits its turn in the core. What arrives is verified block
 * by block against the owner-signed manifest, installed, and only then told to the core.
 */
import type { ReleaseNotice } from '../../core/index.ts';
import {
  DiskFullError,
  QuotaError,
  receiveManifest,
  receiveRelease,
  refuseTransfer,
  sendRelease,
} from '../../service/index.ts';
import type { Manifest, ReleaseStore, ServiceKind } from '../../service/index.ts';
import { Turnstile, byteStream } from '../../network/index.ts';
import type { ByteStream, HostLogger, Network, UploadLimit } from '../../network/index.ts';

export const transferProtocol = '/banyan/transfer/1.0.0';

export interface Installing {
  readonly number: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export type FetchOutcome =
  | { readonly ok: true; readonly manifest: Manifest }
  | { readonly ok: false; readonly reason: 'storage' | 'failed'; readonly message: string };

/** One peer fetches one release at a time and now and then a manifest; a retry may overlap with what it gave up. */
const transfersPerPeer = 4;
/** Beyond the limit a peer is told so; beyond this, on one connection, it is not even listened to. */
const streamsPerConnection = 16;

export class Carrier {
  readonly #network: Network;
  readonly #store: ReleaseStore;
  readonly #service: ServiceKind;
  readonly #logger: HostLogger;
  readonly #upload: UploadLimit | undefined;
  readonly #stopping = new AbortController();
  readonly #turnstile = new Turnstile(transfersPerPeer);
  #installing: Installing | null = null;
  /** Bytes handed to other servers. */
  bytesSent = 0;

  constructor(network: Network, store: ReleaseStore, service: ServiceKind, logger: HostLogger, upload?: UploadLimit) {
    this.#upload = upload;
    this.#network = network;
    this.#store = store;
    this.#service = service;
    this.#logger = logger;
  }

  get installing(): Installing | null {
    return this.#installing;
  }

  async start(): Promise<void> {
    await this.#network.handle(
      transferProtocol,
      async (stream, peerId) => {
        try {
          await this.#give(byteStream(stream), peerId);
        } catch (error) {
          this.#logger.debug({ peerId, reason: String(error) }, 'a transfer to a peer ended early');
          stream.abort(error instanceof Error ? error : new Error(String(error)));
        }
      },
      { maxInbound: streamsPerConnection },
    );
  }

  async #give(stream: ByteStream, peerId: string): Promise<void> {
    if (!this.#turnstile.enter(peerId)) {
      await refuseTransfer(stream, 'busy', `${transfersPerPeer} transfers to this peer are under way already`);
      return;
    }
    try {
      const { bytes } = await sendRelease(this.#limited(stream), this.#store);
      this.bytesSent += bytes;
    } finally {
      this.#turnstile.leave(peerId);
    }
  }

  /** A stream on which what leaves waits for its turn. */
  #limited(stream: ByteStream): ByteStream {
    const upload = this.#upload;
    if (upload === undefined) return stream;
    return {
      ...stream,
      send: async (bytes) => {
        await upload.wait(bytes.length);
        await stream.send(bytes);
      },
    };
  }

  stop(): void {
    this.#stopping.abort(new Error('this peer is stopping'));
  }

  /** Fetches a release from a server and installs it. Never rejects. */
  async fetch(notice: ReleaseNotice, from: string): Promise<FetchOutcome> {
    this.#installing = { number: notice.number, bytesDone: 0, bytesTotal: notice.sizeBytes };
    try {
      const manifest = await this.#receive(notice, from);
      await this.#service.install(manifest);
      return { ok: true, manifest };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#logger.debug({ from, release: notice.number, reason: message }, 'a release could not be installed');
      const storage = error instanceof QuotaError || error instanceof DiskFullError;
      return { ok: false, reason: storage ? 'storage' : 'failed', message };
    } finally {
      this.#installing = null;
    }
  }

  async #receive(notice: ReleaseNotice, from: string): Promise<Manifest> {
    const held = this.#store.current;
    if (held !== null && held.release === notice.number && this.#store.missing(held).length === 0) return held;
    const stream = byteStream(await this.#network.openStream(from, transferProtocol, this.#stopping.signal));
    const { manifest } = await receiveRelease(stream, this.#store, {
      release: notice.number,
      onProgress: ({ bytesDone, bytesTotal }) => {
        this.#installing = { number: notice.number, bytesDone, bytesTotal };
      },
    });
    const expected = Buffer.from(notice.digest).toString('hex');
    if (manifest.id !== expected)
      throw new Error(`release ${notice.number} from ${from} is another than the root announced`);
    return manifest;
  }

  /** The signed manifest of a server's current release, without its bytes: for readers. */
  async manifestFrom(peerId: string, signal: AbortSignal): Promise<Manifest> {
    const stream = byteStream(await this.#network.openStream(peerId, transferProtocol, signal));
    const giveUp = (): void => stream.abort(new Error('the manifest did not come in time'));
    signal.addEventListener('abort', giveUp);
    try {
      return await receiveManifest(stream, this.#store);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
}
