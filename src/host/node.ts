/**
 * A running peer: the core on libp2p, the releases on disk, the service on the data plane, and the reader for its own user.
 *
 * This class only joins the parts and translates: events of the core into actions (a role that changed starts or stops the
 * service), and what people ask into turns of the core. See farm-node.ts for what each method promises.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PeerEvent } from '../core/index.ts';
import type { Charter, Invite } from '../service/index.ts';
import type { CoreHost } from './world/core-host.ts';
import type {
  DecisionEntry,
  ExplainOptions,
  FarmNode,
  Invitation,
  InviteOptions,
  NodeStatus,
  Progress,
  UpdateResult,
} from './farm-node.ts';
import type { HappeningStream } from './happenings.ts';
import { introduce, neighboursOf } from './door/introduction.ts';
import { Network } from '../network/index.ts';
import { NodeError } from './node-error.ts';
import { carried } from './world/address-book.ts';
import { itemLimits } from '../wire/index.ts';
import { qosOptionsOf } from './node-options.ts';
import type { NodeOptions } from './node-options.ts';
import { assemble } from './node-parts.ts';
import type { NodeParts } from './node-parts.ts';
import { composeStatus } from './node-status.ts';

/** Children and parent are given this long before draining, or leaving, is done without them, ms. */
const drainTimeoutMs = 30_000;
const leaveTimeoutMs = 60_000;
/** A peer that announces more than goes into the messages of others would be known by some of it, and nobody could say by which. */
function checkAnnounced(announce: readonly string[]): void {
  if (announce.length <= itemLimits.addresses && carried(announce).length === announce.length) return;
  const bytes = announce.reduce((sum, address) => sum + Buffer.byteLength(address), 0);
  throw new NodeError(
    'addresses-too-long',
    `The ${announce.length} announced addresses have ${bytes} bytes; a peer can be known by ${itemLimits.addresses} addresses of ` +
      `${itemLimits.addressBytes} bytes each and ${itemLimits.addressesBytes} together: announce fewer, or shorter ones.`,
  );
}

/** Starts a peer. @throws ServiceError or Error with a sentence when it cannot come up */
export async function startNode(options: NodeOptions): Promise<Node> {
  const { privateKey, invite, state, logger } = options;
  checkAnnounced(options.announce ?? []);
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
  /** Who listens from outside hears of what happened after this peer has acted upon it. */
  readonly happenings: HappeningStream;
  readonly #options: NodeOptions;
  readonly #parts: NodeParts;
  readonly #neighbours: readonly string[];
  readonly #startedAtMs = performance.now();
  #stopped = false;

  constructor(options: NodeOptions, network: Network, charter: Charter, invite: Invite | null) {
    this.#options = options;
    this.network = network;
    this.charter = charter;
    this.#parts = assemble(options, network, charter);
    this.happenings = this.#parts.happenings;
    this.happenings.listen(({ from, event }) => {
      if (from === 'peer') this.#happened(event);
    });
    this.#neighbours = neighboursOf(invite, options.state, network.peerId, this.#parts.book);
  }

  async start(): Promise<void> {
    await this.#parts.hosting.open();
    await this.#parts.door.start();
    this.#startCore();
  }

  #startCore(): void {
    const { serving, limits, state } = this.#options;
    const { store, current } = this.#parts.hosting;
    const root = this.#parts.book.handleOfPeer(this.charter.rootPeerId);
    const credential = Buffer.from(state.recall('credential') ?? '', 'base64');
    const neighbours = this.#neighbours.map((peerId) => this.#parts.book.handleOfPeer(peerId));
    this.#parts.host.start({ as: this.#isRoot ? 'root' : 'peer', root, neighbours, credential }, (record) => {
      if (record.type === 'release' && record.installed && store?.find(record.notice.number) == null)
        return { ...record, installed: false };
      if (serving === 'never' && (record.type === 'role' || record.type === 'limits')) return null;
      // Who drained stays a client until asked to serve again.
      if (record.type === 'limits' && serving === 'if-asked' && state.recall('drained') === 'yes') return null;
      return record;
    });
    if (this.#isRoot && current !== null && this.#parts.host.peer.state.releases.latest?.number !== current.release) {
      this.#parts.duties.announce(current.release, current.id, current.totalBytes);
    }
    if (this.#isControlled) this.#parts.probe.start();
    this.#parts.settling.look();
    // Where the root decides who serves, being there when asked means to be counted among the willing.
    const isAsked = serving === 'if-asked' && this.#isControlled && state.recall('drained') !== 'yes';
    if ((serving === 'at-once' || isAsked) && !this.#isRoot) {
      state.remember('drained', 'no');
      this.#parts.host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
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
      ...this.#parts,
      charter: this.charter,
      network: this.network,
      peer: this.#parts.host.peer,
      uptimeSeconds: (performance.now() - this.#startedAtMs) / 1000,
    });
  }

  explain(options: ExplainOptions): readonly DecisionEntry[] {
    if (!this.#isRoot)
      throw new NodeError(
        'not-root',
        `Who serves is decided by the root of "${this.charter.name}", and only the root can explain it.`,
      );
    return this.#parts.decisions?.list(options) ?? [];
  }

  invite(options: InviteOptions): Invitation {
    return this.#parts.duties.invite(options);
  }

  async update(folder: string, progress: (step: Progress) => void): Promise<UpdateResult> {
    return await this.#parts.duties.update(folder, progress);
  }

  volunteer(): void {
    const { limits, serving } = this.#options;
    if (serving === 'never')
      throw new NodeError(
        'never-serves',
        'This peer was started as one that never serves: start it again without --never-serve.',
      );
    this.#options.state.remember('drained', 'no');
    this.#parts.host.turn((peer, nowMs) => peer.volunteer(nowMs, limits));
    this.#parts.hosting.explainStorage();
  }

  async drain(): Promise<void> {
    if (this.#isRoot)
      throw new NodeError(
        'is-root',
        "The root cannot drain: it is the service's origin. Stop it with `banyan stop`; the servers go on serving.",
      );
    this.#options.state.remember('drained', 'yes');
    if (await this.#until('drained', drainTimeoutMs, (peer, nowMs) => peer.drain(nowMs))) return;
    this.#parts.hosting.stopServing();
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
    if (this.#parts.hosting.answer(request, response)) return;
    this.#parts.reader.answer(request, response).then(
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
    this.#parts.settling.stop();
    this.#parts.hosting.stop();
    this.#parts.probe.stop();
    this.#parts.host.stop();
    this.#parts.http.close();
    await this.#parts.hosting.closeHttp();
    await this.network.stop();
    await this.#parts.hosting.closeStore();
    this.#options.state.close();
  }

  // --- What happens ------------------------------------------------------------------------------------------------------

  #happened(event: PeerEvent): void {
    switch (event.type) {
      case 'role-changed':
        if (event.role === 'server' || event.role === 'root') this.#parts.hosting.startServing();
        else this.#parts.hosting.stopServing();
        if (event.role !== 'server' && event.role !== 'root') this.#parts.problems.over('full');
        this.#parts.hosting.explainStorage();
        this.#parts.settling.look();
        break;
      case 'release-learned':
        this.#parts.hosting.explainStorage();
        break;
      case 'release-installed':
        this.#parts.hosting.startServing();
        break;
      case 'reported':
        void this.#parts.duties.examine(event.subject, event.path);
        break;
      case 'excluded-self':
        this.#parts.hosting.stopServing();
        this.#parts.problems.say(
          'excluded',
          "The root has barred this peer from serving: readers found bytes here that were not the owner's. " +
            'Check the disk, then ask the owner.',
        );
        break;
      case 'attached':
        this.#parts.problems.over('orphan');
        this.#parts.settling.look();
        break;
      case 'orphaned':
        this.#parts.problems.say('orphan', 'This peer has lost its place in the farm and is looking for another.');
        break;
      case 'member-changed': {
        const { subject, state } = event.record;
        if (state === 'excluded' && this.#isRoot) void this.#parts.duties.bar(subject);
        break;
      }
      default:
        break;
    }
    this.#options.logger.debug({ event: event.type }, 'core event');
  }

  // --- Inside ------------------------------------------------------------------------------------------------------------------

  /** Acts, and waits for an event; false when it has not come in time. */
  async #until(type: PeerEvent['type'], withinMs: number, act: Parameters<CoreHost['turn']>[0]): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    let end = (): void => {};
    const happened = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
      end = this.happenings.listen(({ from, event }) => {
        if (from === 'peer' && event.type === type) resolve(true);
      });
    });
    try {
      this.#parts.host.turn(act);
      return await happened;
    } finally {
      end();
      clearTimeout(timer);
    }
  }
}
