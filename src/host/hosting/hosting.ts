/**
 * The service as far as it lives here: its releases on this disk, carried in from a server above and out to those below, and served to
 * others while the peer is a server.
 *
 * The core says when a release is to be fetched and when the peer is a server; here it is done, and what goes wrong is told.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PeerHandle, ReleaseNotice } from '../../core/index.ts';
import { ReleaseStore, createService } from '../../service/index.ts';
import type { Charter, Manifest, ServiceKind } from '../../service/index.ts';
import { Carrier } from './carrier.ts';
import type { Installing } from './carrier.ts';
import type { CoreHost } from '../world/core-host.ts';
import { serveHttp, UploadLimit } from '../../network/index.ts';
import type { HttpServer, Network } from '../../network/index.ts';
import { isProbe } from '../reading/idle-probe.ts';
import { NodeError } from '../node-error.ts';
import type { NodeOptions } from '../node-options.ts';
import type { Problems } from '../problems.ts';
import { ServeTimes } from './serve-times.ts';
import { ServiceTally } from './service-tally.ts';

export interface HostingParts {
  readonly options: NodeOptions;
  readonly network: Network;
  readonly charter: Charter;
  readonly problems: Problems;
  readonly host: CoreHost;
  /** The peer id of a handle, after the network has been told where it is. */
  readonly reachable: (handle: PeerHandle) => string;
  /** Told of each manifest from which this peer may serve or read from now on. */
  readonly accepted: (manifest: Manifest) => void;
}

/** What is there once it has been opened. */
interface Premises {
  readonly store: ReleaseStore;
  readonly service: ServiceKind;
  readonly carrier: Carrier;
  readonly httpServer: HttpServer;
}

export class Hosting {
  readonly #parts: HostingParts;
  readonly #tally: ServiceTally;
  readonly #times: ServeTimes;
  #premises: Premises | undefined;
  #isMending = false;

  constructor(parts: HostingParts) {
    this.#parts = parts;
    this.#times = new ServeTimes((serveMs) => parts.host.inform((peer, nowMs) => peer.answered(nowMs, serveMs)));
    this.#tally = new ServiceTally(parts.options.state, (reason) =>
      parts.problems.say('disk', `The service record could not be written: ${reason}`),
    );
  }

  /** Opens the store and offers what it holds to other servers. @throws ServiceError when the store cannot be used */
  async open(): Promise<void> {
    const { options, network, charter } = this.#parts;
    const store = await this.#openStore();
    const service = createService(charter.kind, {
      store,
      site: {
        onServed: (served) => {
          if (!isProbe(served)) this.#tally.answered(served.bytes);
        },
        onError: (error) => options.logger.warn({ reason: String(error) }, 'a request failed'),
      },
    });
    if (store.current !== null) this.#parts.accepted(store.current);
    const { uploadBytesPerSecond } = options.limits;
    const upload = uploadBytesPerSecond > 0 ? new UploadLimit(uploadBytesPerSecond) : undefined;
    const carrier = new Carrier(network, store, service, options.logger, upload);
    await carrier.start();
    const serve = (req: IncomingMessage, res: ServerResponse): void => {
      this.#times.follow(res);
      service.handle(req, res);
    };
    const httpServer = await serveHttp(network, serve, { upload });
    this.#premises = { store, service, carrier, httpServer };
    this.#tally.start();
  }

  async #openStore(): Promise<ReleaseStore> {
    const { options, charter, problems } = this.#parts;
    const { serviceId, ownerPublicKey } = charter;
    return await ReleaseStore.open(
      options.folder,
      { serviceId, ownerPublicKey },
      {
        ...(options.limits.storageBytes > 0 ? { maxBytes: options.limits.storageBytes } : {}),
        onEvent: ({ type, message }) => {
          problems.say('store', message);
          if (type === 'block-damaged') void this.#mendContent();
        },
      },
    );
  }

  /** No transfer goes on; what was served is written down. */
  stop(): void {
    this.#tally.stop();
    this.#premises?.carrier.stop();
  }

  /** No more requests of other peers. */
  async closeHttp(): Promise<void> {
    await this.#premises?.httpServer.close();
  }

  /** When the network is down, so that nobody reads from the store any more. */
  async closeStore(): Promise<void> {
    await this.#premises?.store.close();
  }

  /** Null until it is open. */
  get store(): ReleaseStore | null {
    return this.#premises?.store ?? null;
  }

  /** The release that is served from here, or would be. */
  get current(): Manifest | null {
    return this.store?.current ?? null;
  }

  get installing(): Installing | null {
    return this.#premises?.carrier.installing ?? null;
  }

  get isServing(): boolean {
    return this.#tally.isServing;
  }

  get totals(): ServiceTally['totals'] {
    return this.#tally.totals;
  }

  /** Answers a request from what lies here; false when this peer does not serve. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (!this.isServing || this.#premises === undefined) return false;
    this.#premises.service.handle(request, response);
    return true;
  }

  /** How long the service takes to answer, ms; NaN when it fails, null when this peer does not serve. */
  async answerTimeMs(): Promise<number | null> {
    if (!this.isServing || this.#premises === undefined) return null;
    const beganMs = performance.now();
    const { ok } = await this.#premises.service.health();
    return ok ? performance.now() - beganMs : Number.NaN;
  }

  /** Serves from now on, if the peer is a server and there is a release. */
  startServing(): void {
    const isServer = this.#parts.host.peer.state.ctx.isServer();
    if (this.isServing || !isServer || this.current === null) return;
    this.#tally.serving(true);
    void this.#premises?.service.start();
  }

  stopServing(): void {
    if (!this.isServing) return;
    this.#tally.serving(false);
    void this.#premises?.service.stop();
  }

  /** Fetches a release for the core, and tells it what came of it. */
  async transfer(notice: ReleaseNotice, from: string): Promise<void> {
    const outcome = await this.#premises?.carrier.fetch(notice, from);
    if (outcome === undefined) return;
    const { problems, host, accepted } = this.#parts;
    if (outcome.ok) {
      problems.over('release');
      accepted(outcome.manifest);
      host.inform((peer, nowMs) => peer.installed(nowMs, notice));
    } else {
      problems.say('release', `Release ${notice.number} could not be installed: ${outcome.message}`);
      host.inform((peer, nowMs) => peer.installFailed(nowMs, outcome.reason));
    }
  }

  /** A server's current manifest, checked. @throws when it does not come */
  async manifestFrom(server: string, signal: AbortSignal): Promise<Manifest> {
    if (this.#premises === undefined) throw new NodeError('not-up', 'This peer is not up yet.');
    return await this.#premises.carrier.manifestFrom(server, signal);
  }

  /** A volunteer that gives less than the release takes is never asked to serve: it should know why. */
  explainStorage(): void {
    const { problems, host } = this.#parts;
    const { ctx, releases } = host.peer.state;
    const given = ctx.limits?.storageBytes ?? 0;
    const { number, sizeBytes } = releases.latest ?? { number: 0, sizeBytes: 0 };
    if (ctx.isServer() || given === 0 || sizeBytes <= given) {
      problems.over('storage');
      return;
    }
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    problems.say(
      'storage',
      `Release ${number} takes ${megabytes(sizeBytes)} and this volunteer gives ${megabytes(given)}, ` +
        `so it is not asked to serve: raise --max-storage to help.`,
    );
  }

  /** A block on the disk is damaged: a server fetches it again; the root's owner has to publish once more. */
  async #mendContent(): Promise<void> {
    const { problems, host, charter, network, reachable } = this.#parts;
    const { latest } = host.peer.state.releases;
    const store = this.store;
    if (this.#isMending || store?.current == null || latest?.number !== store.current.release) return;
    if (charter.rootPeerId === network.peerId) {
      problems.say(
        'store',
        'A part of the site is damaged on this disk: run `banyan update <folder>`, which writes it again.',
      );
      return;
    }
    this.#isMending = true;
    const [first] = host.inform((peer, nowMs) => peer.rank(nowMs)) ?? [];
    if (first !== undefined) await this.#premises?.carrier.fetch(latest, reachable(first));
    if (store.damaged.length === 0) problems.over('store');
    this.#isMending = false;
  }
}
