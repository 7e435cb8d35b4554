/**
 * A running peer: the core on libp2p, the releases on disk, the service on the data plane, and the reader for its own user.
 *
 * This class only joins the parts and translates: events of the core into actions (a role that changed starts or stops the
 * service), and what people ask into turns of the core. See farm-node.ts for what each method promises.
 */
import './polyfill.ts';
import { sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PeerHandle } from '../core/ids.ts';
import type { ReleaseNotice } from '../core/messages.ts';
import type { Sample } from '../core/selection.ts';
import type { PeerEvent } from '../core/world.ts';
import { Quality } from '../qos/index.ts';
import type { QosEvent } from '../qos/index.ts';
import {
  ReleaseStore,
  createService,
  createToken,
  formatInvite,
  publishFolder,
  readKeyFile,
} from '../service/index.ts';
import type { Charter, Invite, ServiceKind } from '../service/index.ts';
import { AddressBook } from './address-book.ts';
import { Carrier } from './carrier.ts';
import { FarmClock } from './clock.ts';
import { CoreHost } from './core-host.ts';
import { DecisionLog } from './decision-log.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { examine } from './examiner.ts';
import type {
  DecisionEntry,
  ExplainOptions,
  FarmNode,
  Invitation,
  InviteOptions,
  NodeStatus,
  Progress,
  QualityStatus,
  UpdateResult,
} from './farm-node.ts';
import { HttpClient, serveHttp } from './http-stream.ts';
import type { HttpServer } from './http-stream.ts';
import { IdleProbe, isProbe } from './idle-probe.ts';
import { loadSentence } from './load-sentence.ts';
import { introduce, peerIdIn } from './introduction.ts';
import { Network } from './network.ts';
import { NodeError } from './node-error.ts';
import { qosOptionsOf, signingKeyOf, treeOptionsOf } from './node-options.ts';
import type { NodeOptions } from './node-options.ts';
import { composeStatus } from './node-status.ts';
import { Reader } from './reader.ts';
import { ServeTimes } from './serve-times.ts';
import { ServiceRecord } from './service-record.ts';
import { UploadLimit } from './upload-limit.ts';

/** Children and parent are given this long before draining, or leaving, is done without them, ms. */
const drainTimeoutMs = 30_000;
const leaveTimeoutMs = 60_000;
/** A peer may take this long to find its place before that is a problem, ms. */
const settlingMs = 10_000;

/** So many of the files that were left out of a release are told by name. */
const MOST_LEFT_OUT = 100;

/** Starts a peer. @throws ServiceError or Error with a sentence when it cannot come up */
export async function startNode(options: NodeOptions): Promise<Node> {
  const { privateKey, invite, state, logger } = options;
  const network = await Network.create({
    privateKey,
    listen: options.listen,
    emulation: options.emulation,
    logger,
    ...(options.announce === undefined || options.announce.length === 0 ? {} : { announce: options.announce }),
    ...(options.networkLimits === undefined ? {} : { limits: options.networkLimits }),
  });
  await network.start();
  try {
    const charter =
      options.charter ??
      (await introduce(network, invite, state, (reason) =>
        logger.warn({ reason }, 'the new invite led nowhere; this peer stays with what it knows'),
      ));
    const node = new Node(options, network, charter, invite);
    await node.start();
    return node;
  } catch (error) {
    await network.stop();
    throw error;
  }
}

export class Node implements FarmNode {
  readonly network: Network;
  readonly charter: Charter;
  readonly #options: NodeOptions;
  readonly #book = new AddressBook();
  readonly #clock = new FarmClock();
  readonly #host: CoreHost;
  readonly #http: HttpClient;
  readonly #reader: Reader;
  readonly #neighbours: readonly string[];
  readonly #problems = new Map<string, string>();
  readonly #waiting: { readonly type: PeerEvent['type']; readonly resolve: () => void }[] = [];
  readonly #startedAtMs = performance.now();
  #store: ReleaseStore | undefined;
  #service: ServiceKind | undefined;
  #carrier: Carrier | undefined;
  #httpServer: HttpServer | undefined;
  readonly #record: ServiceRecord;
  readonly #door: Doorkeeper;
  readonly #decisions: DecisionLog | null;
  readonly #probe: IdleProbe;
  readonly #serveTimes = new ServeTimes((serveMs) => this.#host.turn((peer, nowMs) => peer.answered(nowMs, serveMs)));
  #stopped = false;
  #isMending = false;
  /** Told of everything that happens in the core, after it has been acted upon. */
  onEvent: (event: PeerEvent) => void = () => {};

  constructor(options: NodeOptions, network: Network, charter: Charter, invite: Invite | null) {
    this.#options = options;
    this.network = network;
    this.charter = charter;
    this.#neighbours = this.#learnNeighbours(invite);
    this.#clock.on('jumped', (byMs) => this.#say('clock', `The system clock jumped by ${Math.round(byMs / 1000)} s.`));
    this.#http = new HttpClient(network);
    const { logger, state } = options;
    const key = signingKeyOf(options.privateKey);
    const qos = qosOptionsOf(charter, options.controllerBeats);
    const { requirement } = qos;
    this.#decisions =
      requirement !== null && this.#isRoot
        ? new DecisionLog({
            rows: state.decisions,
            requirement,
            peerIdOf: (handle) => this.#book.peerIdOf(handle),
            nowMs: () => Date.now(),
            failed: (reason) => this.#say('disk', `A decision could not be written down: ${reason}`),
          })
        : null;
    this.#host = new CoreHost({
      network,
      book: this.#book,
      rows: state,
      clock: this.#clock,
      serviceId: charter.serviceId,
      options: treeOptionsOf(charter),
      makeLayer: (parts) => new Quality(parts, qos, (event) => this.#decided(event)),
      logger,
      sign: (bytes) => sign(null, bytes, key),
      admits: (peerId, credential) => this.#door.admits(peerId, credential),
      transfer: (notice, from) => void this.#transfer(notice, from),
      onEvent: (event) => this.#happened(event),
      onProblem: (sentence) => (sentence === null ? this.#problems.delete('disk') : this.#say('disk', sentence)),
    });
    this.#record = new ServiceRecord(state, (reason) =>
      this.#say('disk', `The service record could not be written: ${reason}`),
    );
    this.#door = new Doorkeeper({
      network,
      charter,
      state,
      rootKey: options.rootKey,
      standing: () => this.#host.peer.state.ctx.standing,
      logger,
    });
    this.#reader = new Reader(this.#http, this.#readerPort(), logger);
    this.#probe = new IdleProbe(this.#http, this.#probePort(), logger);
    network.on('identified', (peerId, addresses) => this.#book.confirm(this.#book.handleOfPeer(peerId), addresses));
    this.#book.replace(this.#book.handleOfPeer(network.peerId), network.addresses());
    network.on('addressesChanged', (addresses) => {
      this.#book.replace(this.#host.self, addresses);
      this.#host.turn((peer, nowMs) => peer.addressChanged(nowMs));
    });
  }

  async start(): Promise<void> {
    const options = this.#options;
    const { serviceId, ownerPublicKey, kind } = this.charter;
    const store = await ReleaseStore.open(
      options.folder,
      { serviceId, ownerPublicKey },
      {
        ...(options.limits.storageBytes > 0 ? { maxBytes: options.limits.storageBytes } : {}),
        onEvent: ({ type, message }) => {
          this.#say('store', message);
          if (type === 'block-damaged') void this.#mendContent();
        },
      },
    );
    this.#store = store;
    const service = createService(kind, {
      store,
      site: {
        onServed: (served) => {
          if (!isProbe(served)) this.#record.answered(served.bytes);
        },
        onError: (error) => options.logger.warn({ reason: String(error) }, 'a request failed'),
      },
    });
    this.#service = service;
    if (store.current !== null) this.#reader.accept(store.current);
    const { uploadBytesPerSecond } = options.limits;
    const upload = uploadBytesPerSecond > 0 ? new UploadLimit(uploadBytesPerSecond) : undefined;
    this.#carrier = new Carrier(this.network, store, service, options.logger, upload);
    await this.#carrier.start();
    this.#httpServer = await serveHttp(
      this.network,
      (req, res) => {
        this.#serveTimes.follow(res);
        service.handle(req, res);
      },
      { upload },
    );
    await this.#door.start();
    this.#startCore(store);
    this.#record.start();
  }

  #startCore(store: ReleaseStore): void {
    const { serving, limits, state } = this.#options;
    const root = this.#book.handleOfPeer(this.charter.rootPeerId);
    const credential = Buffer.from(state.recall('credential') ?? '', 'base64');
    const neighbours = this.#neighbours.map((peerId) => this.#book.handleOfPeer(peerId));
    this.#host.start({ as: this.#isRoot ? 'root' : 'peer', root, neighbours, credential }, (record) => {
      if (record.type === 'release' && record.installed && store.find(record.notice.number) === null)
        return { ...record, installed: false };
      if (serving === 'never' && (record.type === 'role' || record.type === 'limits')) return null;
      // Who drained stays a client until asked to serve again.
      if (record.type === 'limits' && serving === 'if-asked' && state.recall('drained') === 'yes') return null;
      return record;
    });
    const { current } = store;
    if (this.#isRoot && current !== null && this.#host.peer.state.releases.latest?.number !== current.release) {
      this.#publish(current.release, current.id, current.totalBytes);
    }
    if (this.#isControlled) this.#probe.start();
    // Where the root decides who serves, being there when asked means to be counted among the willing.
    const isAsked = serving === 'if-asked' && this.#isControlled && state.recall('drained') !== 'yes';
    if ((serving === 'at-once' || isAsked) && !this.#isRoot) {
      state.remember('drained', 'no');
      this.#host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
    }
  }

  get #isRoot(): boolean {
    return this.charter.rootPeerId === this.network.peerId;
  }

  /** The root decides who serves. */
  get #isControlled(): boolean {
    return qosOptionsOf(this.charter).controlled;
  }

  // --- What people ask -------------------------------------------------------------------------------------------------

  status(): NodeStatus {
    return composeStatus({
      charter: this.charter,
      network: this.network,
      book: this.#book,
      peer: this.#host.peer,
      installed: this.#store?.current?.release ?? 0,
      installing: this.#carrier?.installing ?? null,
      ...this.#record.totals,
      uptimeSeconds: (performance.now() - this.#startedAtMs) / 1000,
      limits: this.#host.peer.state.ctx.limits,
      quality: this.#quality(),
      problems: this.#currentProblems(),
    });
  }

  explain(options: ExplainOptions): readonly DecisionEntry[] {
    if (!this.#isRoot)
      throw new NodeError(
        'not-root',
        `Who serves is decided by the root of "${this.charter.name}", and only the root can explain it.`,
      );
    return this.#decisions?.list(options) ?? [];
  }

  #quality(): QualityStatus {
    const { requirement, policy, margin } = qosOptionsOf(this.charter);
    const { latest = null, lastAction = null } = this.#decisions ?? {};
    return { requirement, policy, margin, latest, lastAction };
  }

  invite({ expiresInSeconds, uses }: InviteOptions): Invitation {
    this.#requireRoot('make invites');
    const expiresAtMs = expiresInSeconds === null ? null : Date.now() + expiresInSeconds * 1000;
    const { admission, serviceId, name } = this.charter;
    const limited = admission === 'invited' || expiresAtMs !== null || uses !== null;
    const made = limited ? createToken({ nowMs: Date.now(), expiresAtMs, maxUses: uses }) : null;
    if (made !== null) this.#options.state.tokens.add(made.record);
    const addresses = this.network.addresses();
    const link = formatInvite({ serviceId, name, addresses, token: made?.token ?? null, expiresAtMs });
    return {
      link,
      expiresAtMs,
      uses,
      loopbackOnly: addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address)),
    };
  }

  async update(folder: string, progress: (step: Progress) => void): Promise<UpdateResult> {
    this.#requireRoot('publish releases');
    const { ownerKeyPath } = this.#options;
    if (ownerKeyPath === null || this.#store === undefined)
      throw new NodeError('no-owner-key', 'This peer does not know where the owner key lies.');
    const ownerKey = await readKeyFile(ownerKeyPath, 'owner');
    const { manifest, isNew, ignored } = await publishFolder({
      folder,
      store: this.#store,
      ownerKey,
      authority: { ...this.#host.peer.state.ctx.standing, charter: this.charter.number },
      nowMs: Date.now(),
      onProgress: ({ bytesDone, bytesTotal }) => progress({ step: 'hashing', done: bytesDone, total: bytesTotal }),
    });
    this.#reader.accept(manifest);
    if (isNew || this.#host.peer.state.releases.latest === null)
      this.#publish(manifest.release, manifest.id, manifest.totalBytes);
    return {
      number: manifest.release,
      files: manifest.files.length,
      bytes: manifest.totalBytes,
      changed: isNew,
      leftOut: ignored.slice(0, MOST_LEFT_OUT),
    };
  }

  #publish(release: number, id: string, bytes: number): void {
    this.#host.turn((peer, nowMs) => peer.publish(nowMs, release, Buffer.from(id, 'hex'), bytes));
    this.#startServing();
  }

  volunteer(): void {
    const { limits, serving } = this.#options;
    if (serving === 'never')
      throw new NodeError(
        'never-serves',
        'This peer was started as one that never serves: start it again without --never-serve.',
      );
    this.#options.state.remember('drained', 'no');
    this.#host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
    this.#explainStorage();
  }

  async drain(): Promise<void> {
    if (this.#isRoot)
      throw new NodeError(
        'is-root',
        "The root cannot drain: it is the service's origin. Stop it with `banyan stop`; the servers go on serving.",
      );
    this.#options.state.remember('drained', 'yes');
    if (await this.#until('drained', drainTimeoutMs, (peer, nowMs) => peer.drain(nowMs))) return;
    this.#stopServing();
    throw new NodeError(
      'drain-unfinished',
      'This peer has stopped serving, but found no server yet to be a client of: is the rest of the farm away? It goes on looking.',
    );
  }

  async leave(): Promise<void> {
    if (this.#isRoot)
      throw new NodeError(
        'is-root',
        'The root cannot leave its own service. Stop it with `banyan stop`; the servers go on serving.',
      );
    if (await this.#until('left', leaveTimeoutMs, (peer, nowMs) => peer.leave(nowMs))) return;
    this.#options.logger.warn({}, 'left without the farewell of all neighbours');
  }

  proxy(request: IncomingMessage, response: ServerResponse, nobody: (why: string) => void): void {
    if (this.#record.isServing && this.#service !== undefined) {
      this.#service.handle(request, response);
      return;
    }
    this.#reader.answer(request, response).then(
      (answered) => {
        if (!answered && !response.destroyed) nobody('None of the servers of this site answers at the moment.');
      },
      (error: unknown) => {
        this.#options.logger.warn({ reason: String(error) }, 'a request of the local user failed');
        if (!response.destroyed) nobody('Something went wrong while it was being fetched.');
      },
    );
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#record.stop();
    this.#probe.stop();
    this.#carrier?.stop();
    this.#host.stop();
    this.#http.close();
    await this.#httpServer?.close();
    await this.network.stop();
    await this.#store?.close();
    this.#options.state.close();
  }

  // --- What is decided, here or at the root -------------------------------------------------------------------------------

  #decided(event: QosEvent): void {
    this.#decisions?.happened(event);
    const sentence = loadSentence(event);
    if (event.type === 'fullness-changed' && event.full === null) {
      this.#problems.delete('full');
      this.#options.logger.warn({ about: 'full' }, sentence ?? '');
    } else if (event.type === 'fullness-changed' && sentence !== null) {
      this.#say('full', sentence);
    } else if (event.type === 'shed' && sentence !== null) {
      const clients = event.clients.map((client) => this.#book.peerIdOf(client));
      this.#options.logger.warn({ about: 'full', clients }, sentence);
    }
  }

  // --- What happens ------------------------------------------------------------------------------------------------------

  #happened(event: PeerEvent): void {
    switch (event.type) {
      case 'role-changed':
        if (event.role === 'server' || event.role === 'root') this.#startServing();
        else this.#stopServing();
        if (!this.#host.peer.state.ctx.isServer()) this.#problems.delete('full');
        this.#explainStorage();
        break;
      case 'release-learned':
        this.#explainStorage();
        break;
      case 'release-installed':
        this.#startServing();
        break;
      case 'reported':
        void this.#examine(event.subject, event.path);
        break;
      case 'excluded-self':
        this.#stopServing();
        this.#say(
          'excluded',
          "The root has barred this peer from serving: readers found bytes here that were not the owner's. Check the disk, then ask the owner.",
        );
        break;
      case 'attached':
        this.#problems.delete('orphan');
        break;
      case 'orphaned':
        this.#say('orphan', 'This peer has lost its place in the farm and is looking for another.');
        break;
      case 'member-changed': {
        const { subject, state } = event.record;
        if (state === 'excluded' && this.#isRoot) void this.#bar(this.#book.peerIdOf(subject));
        break;
      }
      default:
        break;
    }
    for (const waiting of [...this.#waiting]) {
      if (waiting.type !== event.type) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
    this.#options.logger.debug({ event: event.type }, 'core event');
    this.onEvent(event);
  }

  /** A volunteer that gives less than the release takes is never asked to serve: it should know why. */
  #explainStorage(): void {
    const { ctx, releases } = this.#host.peer.state;
    const given = ctx.limits?.storageBytes ?? 0;
    const { number, sizeBytes } = releases.latest ?? { number: 0, sizeBytes: 0 };
    if (ctx.isServer() || given === 0 || sizeBytes <= given) {
      this.#problems.delete('storage');
      return;
    }
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    this.#say(
      'storage',
      `Release ${number} takes ${megabytes(sizeBytes)} and this volunteer gives ${megabytes(given)}, so it is not asked to serve: raise --max-storage to help.`,
    );
  }

  #startServing(): void {
    const isServer = this.#host.peer.state.ctx.isServer();
    if (this.#record.isServing || !isServer || this.#store?.current == null) return;
    this.#record.serving(true);
    void this.#service?.start();
  }

  #stopServing(): void {
    if (!this.#record.isServing) return;
    this.#record.serving(false);
    void this.#service?.stop();
  }

  /** Fetches a release for the core. */
  async #transfer(notice: ReleaseNotice, from: string): Promise<void> {
    const outcome = await this.#carrier?.fetch(notice, from);
    if (outcome === undefined) return;
    if (outcome.ok) {
      this.#problems.delete('release');
      this.#reader.accept(outcome.manifest);
      this.#host.turn((peer, nowMs) => peer.installed(nowMs, notice));
    } else {
      this.#say('release', `Release ${notice.number} could not be installed: ${outcome.message}`);
      this.#host.turn((peer, nowMs) => peer.installFailed(nowMs, outcome.reason));
    }
  }

  /** A block on the disk is damaged: a server fetches it again; the root's owner has to publish once more. */
  async #mendContent(): Promise<void> {
    const { latest } = this.#host.peer.state.releases;
    const store = this.#store;
    if (this.#isMending || store?.current == null || latest?.number !== store.current.release) return;
    if (this.#isRoot) {
      this.#say(
        'store',
        'A part of the site is damaged on this disk: run `banyan update <folder>`, which writes it again.',
      );
      return;
    }
    this.#isMending = true;
    const [first] = this.#host.turn((peer, nowMs) => peer.rank(nowMs)) ?? [];
    if (first !== undefined) await this.#carrier?.fetch(latest, this.#reachable(first));
    if (store.damaged.length === 0) this.#problems.delete('store');
    this.#isMending = false;
  }

  /** Takes no more connections from a peer, after it has been told why. */
  async #bar(peerId: string): Promise<void> {
    try {
      await this.network.disconnect(peerId);
    } finally {
      this.network.deny(peerId);
    }
  }

  /** Root: a reader says that a server lies. Looks for itself before it acts. */
  async #examine(subject: PeerHandle, path: string): Promise<void> {
    const manifest = this.#store?.current;
    if (manifest == null) return;
    const server = this.#book.peerIdOf(subject);
    try {
      const lie = await examine(this.#http, this.#reachable(subject), path, manifest);
      if (lie === null) return;
      this.#say('liar', `Server ${server} was barred: it served ${path} with bytes that are not the owner's (${lie}).`);
      this.#host.turn((peer, nowMs) => peer.exclude(nowMs, subject));
    } catch (error) {
      this.#options.logger.debug({ server, path, reason: String(error) }, 'a reported server could not be examined');
    }
  }

  // --- Inside ------------------------------------------------------------------------------------------------------------------

  #readerPort(): ConstructorParameters<typeof Reader>[1] {
    return {
      rank: () => (this.#host.turn((peer, nowMs) => peer.rank(nowMs)) ?? []).map((handle) => this.#reachable(handle)),
      asked: (server) => this.#host.turn((peer, nowMs) => peer.asked(nowMs, this.#book.handleOfPeer(server))),
      abandoned: (server) => this.#host.turn((peer, nowMs) => peer.abandoned(nowMs, this.#book.handleOfPeer(server))),
      measured: (server, delayMs, isFirst) => {
        this.#probe.busy();
        const handle = this.#book.handleOfPeer(server);
        this.#host.turn((peer, nowMs) => peer.measured(nowMs, { server: handle, delayMs, ok: true, isFirst }));
      },
      // Another server answers in its place: this one is judged by it, but the user did not go without.
      failed: (server) => this.#host.turn((peer, nowMs) => peer.probed(nowMs, this.#failureOf(server))),
      unanswered: (server) => this.#host.turn((peer, nowMs) => peer.measured(nowMs, this.#failureOf(server))),
      lied: (server, path, release) => {
        this.#host.turn((peer, nowMs) => peer.lied(nowMs, this.#book.handleOfPeer(server), path, release));
      },
      manifestFrom: async (server, signal) => {
        if (this.#carrier === undefined) throw new NodeError('not-up', 'This peer is not up yet.');
        return await this.#carrier.manifestFrom(server, signal);
      },
      nowMs: () => Date.now(),
    };
  }

  #failureOf(server: string): Sample {
    return { server: this.#book.handleOfPeer(server), delayMs: Number.NaN, ok: false };
  }

  #probePort(): ConstructorParameters<typeof IdleProbe>[1] {
    const sampleOf = (server: string, delayMs: number, ok: boolean): Sample => ({
      server: this.#book.handleOfPeer(server),
      delayMs,
      ok,
    });
    return {
      rank: () => {
        // A server answers itself, and its own tree tells how.
        const { role, draining } = this.#host.peer.state.ctx;
        if (role !== 'client' || draining) return [];
        const ranked = this.#host.turn((peer, nowMs) => peer.rank(nowMs)) ?? [];
        return ranked.slice(0, 2).map((handle) => this.#reachable(handle));
      },
      serveOwn: async () => {
        if (!this.#record.isServing || this.#service === undefined) return null;
        const beganMs = performance.now();
        const { ok } = await this.#service.health();
        return ok ? performance.now() - beganMs : Number.NaN;
      },
      self: this.network.peerId,
      intervalMs: () => this.#host.peer.state.ctx.intervalMs,
      measured: (server, delayMs, ok) =>
        this.#host.turn((peer, nowMs) => peer.measured(nowMs, sampleOf(server, delayMs, ok))),
      compared: (server, delayMs, ok) =>
        this.#host.turn((peer, nowMs) => peer.probed(nowMs, sampleOf(server, delayMs, ok))),
    };
  }

  /** The peer id of a handle, after the network has been told where it is. */
  #reachable(handle: PeerHandle): string {
    const peerId = this.#book.peerIdOf(handle);
    if (!this.network.isConnected(peerId)) this.network.learn(peerId, this.#book.addressesOf(handle));
    return peerId;
  }

  /** Peers of the invite, known to the book from now on. */
  #learnNeighbours(invite: Invite | null): string[] {
    const remembered = JSON.parse(this.#options.state.recall('neighbours') ?? '[]') as string[];
    const addresses = [...new Set([...(invite?.addresses ?? []), ...remembered])];
    if (invite !== null) this.#options.state.remember('neighbours', JSON.stringify(addresses.slice(0, 32)));
    const peerIds: string[] = [];
    for (const address of addresses) {
      const peerId = peerIdIn(address);
      if (peerId === undefined || peerId === this.network.peerId) continue;
      this.#book.confirm(this.#book.handleOfPeer(peerId), [address]);
      if (!peerIds.includes(peerId)) peerIds.push(peerId);
    }
    return peerIds;
  }

  /** Acts, and waits for an event; false when it has not come in time. */
  async #until(type: PeerEvent['type'], withinMs: number, act: Parameters<CoreHost['turn']>[0]): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const happened = new Promise<boolean>((resolve) => {
      this.#waiting.push({ type, resolve: () => resolve(true) });
      timer = setTimeout(() => resolve(false), withinMs);
    });
    this.#host.turn(act);
    const came = await happened;
    clearTimeout(timer);
    return came;
  }

  #requireRoot(what: string): void {
    if (!this.#isRoot)
      throw new NodeError('not-root', `Only the root can ${what}; this peer is a volunteer of ${this.charter.name}.`);
  }

  #currentProblems(): string[] {
    const problems = [...this.#problems.values()];
    const up = this.#host.peer.state.upTree();
    const isLost = up !== null && !up.attached && !this.#problems.has('orphan');
    if (isLost && performance.now() - this.#startedAtMs > settlingMs) {
      problems.push(
        'This peer has not found a place in the farm yet: are its other peers running, and is this machine online?',
      );
    }
    return problems;
  }

  #say(key: string, sentence: string): void {
    this.#problems.set(key, sentence);
    this.#options.logger.warn({ about: key }, sentence);
  }
}
