/**
 * A running peer: the core on libp2p, the releases on disk, the service on the data plane, and the reader for its own user.
 *
 * This class only joins the parts and translates: events of the core into actions (a role that changed starts or stops the
 * service), and what people ask into turns of the core. See farm-node.ts for what each method promises.
 */
import './polyfill.ts';
import { createPrivateKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PrivateKey } from '@libp2p/interface';
import type { PeerHandle } from '../core/ids.ts';
import type { Limits, ReleaseNotice } from '../core/messages.ts';
import { defaultOptions } from '../core/options.ts';
import type { TreeOptions } from '../core/options.ts';
import type { PeerEvent } from '../core/world.ts';
import {
  AcceptedReleases,
  ReleaseStore,
  ResponseVerifier,
  createService,
  createToken,
  formatInvite,
  issueCredential,
  publishFolder,
  readCharter,
  readKeyFile,
  redeemToken,
  verifyCredential,
  verifyResponse,
} from '../service/index.ts';
import type { Charter, Invite, ServiceKind, SigningKey } from '../service/index.ts';
import { AddressBook } from './address-book.ts';
import { byteStream } from './byte-stream.ts';
import { Carrier } from './carrier.ts';
import { FarmClock } from './clock.ts';
import { CoreHost } from './core-host.ts';
import type { Emulation } from './emulation.ts';
import type { FarmNode, Invitation, InviteOptions, NodeStatus, Progress } from './farm-node.ts';
import { HttpClient, serveHttp } from './http-stream.ts';
import type { HttpServer } from './http-stream.ts';
import type { HostLogger, NetworkLimits } from './network-options.ts';
import { Network } from './network.ts';
import { composeStatus } from './node-status.ts';
import type { NodeState } from './node-state.ts';
import { Reader } from './reader.ts';
import { UploadLimit } from './upload-limit.ts';
import { WELCOME_PROTOCOL, answerWelcome, askWelcome } from './welcome.ts';
import type { WelcomeAnswer, WelcomeQuestion } from './welcome.ts';

export interface NodeOptions {
  /** Where releases lie. */
  readonly folder: string;
  readonly state: NodeState;
  /** The peer's libp2p identity; the root's is its root key. */
  readonly privateKey: PrivateKey;
  /** Root: signs credentials; null for everybody else. */
  readonly rootKey: SigningKey | null;
  /** The charter, for the root and for one that has joined before; else it is asked for with the invite. */
  readonly charter: Charter | null;
  /** What this peer joins by; null for the root. */
  readonly invite: Invite | null;
  /** Root: where the owner key lies; read for each release, never kept. */
  readonly ownerKeyPath: string | null;
  /** Offers to serve at once, goes on if it did before, or never serves whatever it did before. */
  readonly serving: 'at-once' | 'if-asked' | 'never';
  /** What it gives at most; 0 = no limit. */
  readonly limits: Limits;
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  readonly emulation?: Emulation;
  readonly networkLimits?: Partial<NetworkLimits>;
  readonly logger: HostLogger;
}

const credentialDays = 365;
const dayMs = 86_400_000;
const countEveryMs = 10_000;
const welcomeTimeoutMs = 20_000;

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
    const charter = options.charter ?? rememberedCharter(state) ?? (await introduce(network, invite, state));
    const node = new Node(options, network, charter, invite);
    await node.start();
    return node;
  } catch (error) {
    await network.stop();
    throw error;
  }
}

/** The charter this peer was given when it joined; null before that. */
function rememberedCharter(state: NodeState): Charter | null {
  const document = state.recall('charter');
  return document === null ? null : readCharter(Buffer.from(document, 'base64'));
}

/** Shows the invite at the farm's door; comes back with the charter, and remembers it and the credential. */
async function introduce(network: Network, invite: Invite | null, state: NodeState): Promise<Charter> {
  if (invite === null) throw new Error('Without a charter or an invite there is no farm to join: run `banyan init`, or `banyan join <invite>`.');
  const question: WelcomeQuestion = { serviceId: invite.serviceId, token: invite.token, peerId: network.peerId, relayed: false };
  const failures: string[] = [];
  for (const address of invite.addresses) {
    const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1];
    if (peerId === undefined || peerId === network.peerId) continue;
    network.learn(peerId, [address]);
    try {
      const signal = AbortSignal.timeout(welcomeTimeoutMs);
      const answer = await askWelcome(byteStream(await network.openStream(peerId, WELCOME_PROTOCOL, signal)), question);
      if (!answer.ok) throw Object.assign(new Error(answer.message), { refused: true });
      const charter = readCharter(Buffer.from(answer.charter, 'base64'), invite.serviceId);
      state.remember('charter', answer.charter);
      state.remember('credential', answer.credential);
      return charter;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof Error && 'refused' in error) throw error;
      failures.push(`${address}: ${message}`);
    }
  }
  throw new Error(`None of the peers in the invite could be reached. Is one of them running, and this machine online?\n  ${failures.join('\n  ')}`);
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
  #counting: NodeJS.Timeout | undefined;
  #servingSinceMs: number | null = null;
  #served = { requests: 0, bytes: 0 };
  #stopped = false;
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
    this.#host = new CoreHost({
      network,
      book: this.#book,
      rows: state,
      clock: this.#clock,
      serviceId: charter.serviceId,
      options: treeOptionsOf(charter),
      logger,
      sign: (bytes) => sign(null, bytes, key),
      admits: (peerId, credential) => this.#admits(peerId, credential),
      transfer: (notice, from) => void this.#transfer(notice, from),
      onEvent: (event) => this.#happened(event),
      onProblem: (sentence) => this.#say('disk', sentence),
    });
    this.#reader = new Reader(this.#http, this.#readerPort(), logger);
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
    const store = await ReleaseStore.open(options.folder, { serviceId, ownerPublicKey }, {
      ...(options.limits.storageBytes > 0 ? { maxBytes: options.limits.storageBytes } : {}),
      onEvent: ({ message }) => this.#say('store', message),
    });
    this.#store = store;
    const service = createService(kind, {
      store,
      site: { onServed: ({ bytes }) => this.#countServed(bytes), onError: (error) => options.logger.warn({ reason: String(error) }, 'a request failed') },
    });
    this.#service = service;
    if (store.current !== null) this.#reader.accept(store.current);
    const { uploadBytesPerSecond } = options.limits;
    const upload = uploadBytesPerSecond > 0 ? new UploadLimit(uploadBytesPerSecond) : undefined;
    this.#carrier = new Carrier(this.network, store, service, options.logger, upload);
    await this.#carrier.start();
    this.#httpServer = await serveHttp(this.network, (req, res) => service.handle(req, res), { upload });
    await this.network.handle(WELCOME_PROTOCOL, async (stream) => {
      await answerWelcome(byteStream(stream), (question) => this.#welcome(question));
    });
    this.#startCore(store);
    this.#counting = setInterval(() => this.#flushCounters(), countEveryMs);
    this.#counting.unref();
  }

  #startCore(store: ReleaseStore): void {
    const { serving, limits, state } = this.#options;
    const root = this.#book.handleOfPeer(this.charter.rootPeerId);
    const credential = Buffer.from(state.recall('credential') ?? '', 'base64');
    const neighbours = this.#neighbours.map((peerId) => this.#book.handleOfPeer(peerId));
    this.#host.start({ as: this.#isRoot ? 'root' : 'peer', root, neighbours, credential }, (record) => {
      if (record.type === 'release' && record.installed && store.find(record.notice.number) === null) return { ...record, installed: false };
      if (serving === 'never' && (record.type === 'role' || record.type === 'limits')) return null;
      return record;
    });
    const { current } = store;
    if (this.#isRoot && current !== null && this.#host.peer.state.releases.latest?.number !== current.release) {
      this.#publish(current.release, current.id, current.totalBytes);
    }
    if (serving === 'at-once' && !this.#isRoot) this.#host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
  }

  get #isRoot(): boolean {
    return this.charter.rootPeerId === this.network.peerId;
  }

  // --- What people ask -------------------------------------------------------------------------------------------------

  status(): NodeStatus {
    const { state } = this.#options;
    return composeStatus({
      charter: this.charter,
      network: this.network,
      book: this.#book,
      peer: this.#host.peer,
      installed: this.#store?.current?.release ?? 0,
      installing: this.#carrier?.installing ?? null,
      requestsServed: state.counter('requests-served') + this.#served.requests,
      bytesServed: state.counter('bytes-served') + this.#served.bytes,
      servingSeconds: state.counter('serving-seconds') + this.#servingSeconds(),
      uptimeSeconds: (performance.now() - this.#startedAtMs) / 1000,
      limits: this.#host.peer.state.ctx.limits,
      problems: [...this.#problems.values()],
    });
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
    return { link, expiresAtMs, uses, loopbackOnly: addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address)) };
  }

  async update(folder: string, progress: (step: Progress) => void): Promise<{ number: number; files: number; bytes: number }> {
    this.#requireRoot('publish releases');
    const { ownerKeyPath } = this.#options;
    if (ownerKeyPath === null || this.#store === undefined) throw new Error('This peer does not know where the owner key lies.');
    const ownerKey = await readKeyFile(ownerKeyPath, 'owner');
    const { manifest, isNew } = await publishFolder({
      folder,
      store: this.#store,
      ownerKey,
      authority: { ...this.#host.peer.state.ctx.standing },
      nowMs: Date.now(),
      onProgress: ({ bytesDone, bytesTotal }) => progress({ step: 'hashing', done: bytesDone, total: bytesTotal }),
    });
    this.#reader.accept(manifest);
    if (isNew || this.#host.peer.state.releases.latest === null) this.#publish(manifest.release, manifest.id, manifest.totalBytes);
    return { number: manifest.release, files: manifest.files.length, bytes: manifest.totalBytes };
  }

  #publish(release: number, id: string, bytes: number): void {
    this.#host.turn((peer, nowMs) => peer.publish(nowMs, release, Buffer.from(id, 'hex'), bytes));
    this.#startServing();
  }

  volunteer(): void {
    const { limits, serving } = this.#options;
    if (serving === 'never') throw new Error('This peer was started as one that never serves: start it again without --never-serve.');
    this.#host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
  }

  async drain(): Promise<void> {
    if (this.#isRoot) throw new Error('The root cannot drain: it is the service\'s origin. Stop it with `banyan stop`; the servers go on serving.');
    await this.#until('drained', (peer, nowMs) => peer.drain(nowMs));
  }

  async leave(): Promise<void> {
    if (this.#isRoot) throw new Error('The root cannot leave its own service. Stop it with `banyan stop`; the servers go on serving.');
    await this.#until('left', (peer, nowMs) => peer.leave(nowMs));
  }

  proxy(request: IncomingMessage, response: ServerResponse, nobody: (why: string) => void): void {
    if (this.#servingSinceMs !== null && this.#service !== undefined) {
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
    clearInterval(this.#counting);
    this.#flushCounters();
    this.#carrier?.stop();
    this.#host.stop();
    this.#http.close();
    await this.#httpServer?.close();
    await this.network.stop();
    await this.#store?.close();
    this.#options.state.close();
  }

  // --- What happens ------------------------------------------------------------------------------------------------------

  #happened(event: PeerEvent): void {
    switch (event.type) {
      case 'role-changed':
        if (event.role === 'server' || event.role === 'root') this.#startServing();
        else this.#stopServing();
        break;
      case 'release-installed':
        this.#startServing();
        break;
      case 'reported':
        void this.#examine(event.subject, event.path);
        break;
      case 'excluded-self':
        this.#stopServing();
        this.#say('excluded', 'The root has barred this peer from serving: readers found bytes here that were not the owner\'s. Check the disk, then ask the owner.');
        break;
      case 'attached':
        this.#problems.delete('orphan');
        break;
      case 'orphaned':
        this.#say('orphan', 'This peer has lost its place in the farm and is looking for another.');
        break;
      case 'member-changed': {
        const { subject, state } = event.record;
        if (state === 'excluded' && this.#isRoot) this.network.deny(this.#book.peerIdOf(subject));
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

  #startServing(): void {
    const isServer = this.#host.peer.state.ctx.isServer();
    if (this.#servingSinceMs !== null || !isServer || this.#store?.current == null) return;
    this.#servingSinceMs = performance.now();
    void this.#service?.start();
  }

  #stopServing(): void {
    if (this.#servingSinceMs === null) return;
    this.#flushCounters();
    this.#servingSinceMs = null;
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

  /** Root: a reader says that a server lies. Looks for itself before it acts. */
  async #examine(subject: PeerHandle, path: string): Promise<void> {
    const manifest = this.#store?.current;
    if (manifest == null) return;
    const server = this.#book.peerIdOf(subject);
    const now = Date.now();
    const verifier = new ResponseVerifier(new AcceptedReleases(manifest, now), { method: 'GET', target: path, headers: {} });
    try {
      const { method, target, headers } = verifier.upstream;
      const raw = await this.#http.request(server, { method, path: target, headers: { host: 'banyan', ...headers } });
      const verified = await verifyResponse(verifier, { status: raw.status, headers: flat(raw.headers), body: raw.body }, now);
      if (verified.verdict !== 'lie') return;
      this.#say('liar', `Server ${server} was barred: it served ${path} with bytes that are not the owner's (${verified.reason}).`);
      this.#host.turn((peer, nowMs) => peer.exclude(nowMs, subject));
    } catch (error) {
      this.#options.logger.debug({ server, path, reason: String(error) }, 'a reported server could not be examined');
    }
  }

  // --- The door ------------------------------------------------------------------------------------------------------------

  #admits(peerId: string, credential: Uint8Array): boolean {
    if (this.charter.admission === 'open' || peerId === this.charter.rootPeerId) return true;
    return verifyCredential(credential, this.charter, peerId, Date.now()).ok;
  }

  async #welcome(question: WelcomeQuestion): Promise<WelcomeAnswer> {
    const { charter } = this;
    const refuse = (reason: string, message: string): WelcomeAnswer => ({ ok: false, reason, message });
    if (question.serviceId !== charter.serviceId) return refuse('other-service', `This peer belongs to another service, ${charter.serviceId}.`);
    const document = Buffer.from(charter.bytes).toString('base64');
    const { token } = question;
    if (token === null) {
      if (charter.admission === 'open') return { ok: true, charter: document, credential: '' };
      return refuse('invite-needed', 'This farm is by invitation only, and the invite carries no token: ask the owner for an invite.');
    }
    const { rootKey } = this.#options;
    if (rootKey === null) return await this.#relay(question);
    const now = Date.now();
    const result = this.#options.state.tokens.redeem(token.id, (record) => redeemToken(record, token, question.peerId, now));
    if (!result.ok) return refuse(result.reason, result.message);
    const { standing } = this.#host.peer.state.ctx;
    const credential = issueCredential(rootKey, {
      ...standing,
      serviceId: charter.serviceId,
      peerId: question.peerId,
      issuedAtMs: now,
      expiresAtMs: now + credentialDays * dayMs,
    });
    return { ok: true, charter: document, credential: Buffer.from(credential).toString('base64') };
  }

  /** Only the root redeems tokens: asks it on behalf of a stranger. */
  async #relay(question: WelcomeQuestion): Promise<WelcomeAnswer> {
    const refusal = (message: string): WelcomeAnswer => ({ ok: false, reason: 'root-away', message });
    if (question.relayed) return refusal('Only the root can redeem this invite.');
    try {
      const signal = AbortSignal.timeout(welcomeTimeoutMs / 2);
      const stream = await this.network.openStream(this.charter.rootPeerId, WELCOME_PROTOCOL, signal);
      return await askWelcome(byteStream(stream), { ...question, relayed: true });
    } catch (error) {
      this.#options.logger.debug({ reason: String(error) }, 'the root could not be asked about an invite');
      return refusal('The owner\'s machine, which has to confirm this invite, cannot be reached now: try again later.');
    }
  }

  // --- Inside ------------------------------------------------------------------------------------------------------------------

  #readerPort(): ConstructorParameters<typeof Reader>[1] {
    return {
      rank: () => (this.#host.turn((peer, nowMs) => peer.rank(nowMs)) ?? []).map((handle) => this.#reachable(handle)),
      measured: (server, delayMs, ok) => {
        this.#host.turn((peer, nowMs) => peer.measured(nowMs, { server: this.#book.handleOfPeer(server), delayMs, ok }));
      },
      lied: (server, path, release) => {
        this.#host.turn((peer, nowMs) => peer.lied(nowMs, this.#book.handleOfPeer(server), path, release));
      },
      manifestFrom: async (server, signal) => {
        if (this.#carrier === undefined) throw new Error('this peer is not up yet');
        return await this.#carrier.manifestFrom(server, signal);
      },
      nowMs: () => Date.now(),
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
      const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1];
      if (peerId === undefined || peerId === this.network.peerId) continue;
      this.#book.confirm(this.#book.handleOfPeer(peerId), [address]);
      if (!peerIds.includes(peerId)) peerIds.push(peerId);
    }
    return peerIds;
  }

  async #until(type: PeerEvent['type'], act: Parameters<CoreHost['turn']>[0]): Promise<void> {
    const happened = new Promise<void>((resolve) => this.#waiting.push({ type, resolve }));
    this.#host.turn(act);
    await happened;
  }

  #requireRoot(what: string): void {
    if (!this.#isRoot) throw new Error(`Only the root can ${what}; this peer is a volunteer of ${this.charter.name}.`);
  }

  #say(key: string, sentence: string): void {
    this.#problems.set(key, sentence);
    this.#options.logger.warn({ about: key }, sentence);
  }

  #countServed(bytes: number): void {
    this.#served.requests++;
    this.#served.bytes += bytes;
  }

  #servingSeconds(): number {
    return this.#servingSinceMs === null ? 0 : (performance.now() - this.#servingSinceMs) / 1000;
  }

  #flushCounters(): void {
    const { state } = this.#options;
    const seconds = this.#servingSeconds();
    try {
      if (this.#served.requests > 0) state.count('requests-served', this.#served.requests);
      if (this.#served.bytes > 0) state.count('bytes-served', this.#served.bytes);
      if (seconds > 0) state.count('serving-seconds', seconds);
    } catch (error) {
      this.#say('disk', `The counters could not be written: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    this.#served = { requests: 0, bytes: 0 };
    if (this.#servingSinceMs !== null) this.#servingSinceMs = performance.now();
  }
}

/** The peer's key as Node's own crypto wants it: libp2p's raw form is the seed and the public key. */
function signingKeyOf(privateKey: PrivateKey): KeyObject {
  const raw = Buffer.from(privateKey.raw);
  const [d, x] = [raw.subarray(0, 32).toString('base64url'), raw.subarray(32, 64).toString('base64url')];
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
}

function treeOptionsOf(charter: Charter): TreeOptions {
  const { fanOut, heartbeatMs } = charter.tree;
  return {
    ...defaultOptions,
    fanOut,
    guestRoom: fanOut,
    minHeartbeatMs: heartbeatMs,
    maxHeartbeatMs: Math.max(heartbeatMs, defaultOptions.maxHeartbeatMs),
  };
}

function flat(headers: IncomingMessage['headers']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}
