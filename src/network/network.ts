/**
 * The peer's place on the network: libp2p over TCP with noise and yamux, and what every part of Banyan needs of it.
 *
 * To the protocol it offers telephone lines: `send` to a peer id puts a message on the one line we hold to that
 * neighbour, dialling first when there is none, and `message` says what came in on theirs. To transfers, HTTP and
 * invites it offers streams of their own. Who sends too much loses its connection, never we our process. See
 * `docs/protocol/links.md` for the format and the limits.
 */
import './polyfill.ts';
import { EventEmitter, setMaxListeners } from 'node:events';
import type { Connection, Stream } from '@libp2p/interface';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import type { Libp2p } from 'libp2p';
import { DenyList } from './connection-gate.ts';
import { ConnectionKeeper } from './connection-keeper.ts';
import type { Emulation } from './emulation.ts';
import { IncomingLinks } from './incoming-links.ts';
import { createNode } from './libp2p-node.ts';
import { completeLimits, type HostLogger, type NetworkLimits, type NetworkOptions } from './network-options.ts';
import { OutgoingLink } from './outgoing-link.ts';
import { probe, type Prober } from './probe.ts';
import { hostOf, subnetOfHost } from './subnet.ts';
import { Traffic } from './traffic.ts';

/** The protocol of held streams; see docs/protocol/links.md. */
export const peerProtocol = '/banyan/peer/1.0.0';

/** How long streams may take to finish when the node stops. */
const stopMs = 500;
/** Addresses are kept for so many peers; those told of the longest ago are forgotten first. */
const mostKnownPeers = 16_384;

export interface NetworkEvents {
  /** A message came in. The bytes may be a view: copy what must outlive the call. */
  message: [peerId: string, bytes: Uint8Array];
  connected: [peerId: string];
  /** A connected peer has said where it listens. Hearsay, and not all of it need be reachable from here. */
  identified: [peerId: string, addresses: string[]];
  /** This node's own addresses are others than before. */
  addressesChanged: [addresses: string[]];
  /** The last connection with this peer is gone. */
  disconnected: [peerId: string];
  /** This peer broke a limit, or was refused by the caller; its connections are being closed. */
  refused: [peerId: string, reason: string];
  /** Messages to this peer were lost: it could not be reached, or was too slow. Comes after `send` has returned. */
  sendFailed: [peerId: string, reason: string];
}

/** Answers a stream that another peer opened. A rejection aborts the stream. */
export type StreamHandler = (stream: Stream, peerId: string) => void | Promise<void>;

export class Network extends EventEmitter<NetworkEvents> {
  readonly peerId: string;
  /** Every byte on this node's sockets. */
  readonly traffic: Traffic;
  readonly limits: NetworkLimits;
  readonly #node: Libp2p;
  readonly #prober: Prober;
  readonly #emulation: Emulation | undefined;
  readonly #logger: HostLogger | undefined;
  readonly #denied: DenyList;
  readonly #keeper: ConnectionKeeper;
  readonly #incoming: IncomingLinks;
  readonly #links = new Map<string, OutgoingLink>();
  readonly #addresses = new Map<string, Multiaddr[]>();
  #isStopping = false;

  /** Makes a node; nothing listens or dials before `start`. @throws RangeError when the limits make no sense */
  static async create(options: NetworkOptions): Promise<Network> {
    const limits = completeLimits(options.limits);
    const traffic = new Traffic();
    const denied = new DenyList(options.deny);
    const { node, prober } = await createNode(options, limits, traffic, denied);
    return new Network(node, prober, traffic, limits, denied, options);
  }

  private constructor(
    node: Libp2p,
    prober: Prober,
    traffic: Traffic,
    limits: NetworkLimits,
    denied: DenyList,
    options: NetworkOptions,
  ) {
    super();
    this.peerId = peerIdFromPrivateKey(options.privateKey).toString();
    this.traffic = traffic;
    this.limits = limits;
    this.#node = node;
    this.#prober = prober;
    this.#emulation = options.emulation;
    this.#logger = options.logger;
    this.#denied = denied;
    this.#keeper = new ConnectionKeeper(node, limits.idleMs, options.logger);
    this.#incoming = new IncomingLinks(
      { maxFrameBytes: limits.maxFrameBytes, rates: limits },
      (peerId, message) => {
        this.#keeper.used(peerId);
        this.emit('message', peerId, message);
      },
      (peerId, reason) => this.refuse(peerId, reason),
    );
    node.addEventListener('peer:connect', ({ detail }) => this.emit('connected', detail.toString()));
    node.addEventListener('peer:identify', ({ detail: { peerId, listenAddrs } }) => {
      this.emit(
        'identified',
        peerId.toString(),
        listenAddrs.map((address) => address.toString()),
      );
    });
    let before = '';
    node.addEventListener('self:peer:update', () => {
      const addresses = this.addresses();
      const hasChanged = before !== '' && before !== addresses.join();
      before = addresses.join();
      if (hasChanged) this.emit('addressesChanged', addresses);
    });
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const peerId = detail.toString();
      this.#keeper.forget(peerId);
      if (this.#links.get(peerId)?.queuedMessages === 0) this.#links.delete(peerId);
      this.emit('disconnected', peerId);
    });
    node.addEventListener('peer:reconnect-failure', ({ detail }) => {
      this.#keeper.unkeep(detail.toString());
      this.emit('sendFailed', detail.toString(), 'it could not be reconnected to');
    });
  }

  /** Listens and takes connections. @throws when an address to listen on is taken or not this machine's */
  async start(): Promise<void> {
    await this.#node.handle(
      peerProtocol,
      (stream, connection) => this.#incoming.accept(connection.remotePeer.toString(), stream),
      { maxInboundStreams: 2, maxOutboundStreams: 2 },
    );
    await this.#node.start();
    this.#keeper.start();
  }

  /** Closes everything. Messages still queued are lost. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#keeper.stop();
    await this.#keeper.settled();
    const signal = AbortSignal.timeout(stopMs);
    setMaxListeners(Number.POSITIVE_INFINITY, signal);
    const closing = this.#node
      .getConnections()
      .map((connection) => connection.close({ signal }).catch((error: Error) => connection.abort(error)));
    await Promise.all(closing);
    await this.#node.stop();
    this.#links.clear();
  }

  /** The addresses to give to others, each ending in `/p2p/<peer id>`. */
  addresses(): string[] {
    return this.#node.getMultiaddrs().map((address) => address.toString());
  }

  /** Says where a peer can be dialled; replaces what was said before. @throws when one is no multiaddr */
  learn(peerId: string, addresses: readonly string[]): void {
    if (peerId === this.peerId) return;
    this.#addresses.delete(peerId);
    this.#addresses.set(
      peerId,
      addresses.map((address) => multiaddr(address)),
    );
    const oldest = this.#addresses.size > mostKnownPeers ? this.#addresses.keys().next().value : undefined;
    if (oldest !== undefined) this.#addresses.delete(oldest);
  }

  /** Queues a message for a peer, dialling it if need be. Messages to one peer stay in order. Never throws, never waits. */
  send(peerId: string, bytes: Uint8Array): void {
    this.#keeper.used(peerId);
    this.#link(peerId).send(bytes);
  }

  isConnected(peerId: string): boolean {
    return this.#node.getConnections(peerIdFromString(peerId)).length > 0;
  }

  connectedPeers(): string[] {
    return this.#node.getPeers().map((peer) => peer.toString());
  }

  /** Peers to which messages are on the way, or a stream is held. */
  get linkCount(): number {
    return this.#links.size;
  }

  /** Connections that stand now, to whomever; two to one peer count twice. */
  get connectionCount(): number {
    return this.#node.getConnections().length;
  }

  /** Keeps a connection with this peer, opening it now and again whenever it drops. */
  keep(peerId: string): void {
    this.#keeper.keep(peerId);
    this.#dial(peerId).catch((error: Error) => this.#reportFailure(peerId, error.message));
  }

  /** No longer reconnects; the connection closes once it has been idle. */
  unkeep(peerId: string): void {
    this.#keeper.unkeep(peerId);
  }

  /** Closes the connections with a peer after what was queued for it has been sent. */
  async disconnect(peerId: string): Promise<void> {
    this.#keeper.unkeep(peerId);
    await this.#links.get(peerId)?.close(AbortSignal.timeout(this.limits.dialTimeoutMs));
    await this.#keeper.settled();
    await this.#node.hangUp(peerIdFromString(peerId));
  }

  /** Closes the connections with a peer at once, for a reason that others should know of. */
  refuse(peerId: string, reason: string): void {
    this.#logger?.warn({ peerId, reason }, 'refusing a peer');
    this.#keeper.unkeep(peerId);
    for (const connection of this.#node.getConnections(peerIdFromString(peerId))) connection.abort(new Error(reason));
    this.emit('refused', peerId, reason);
  }

  /** Closes the connections with a peer and takes none from it until `allow`. */
  deny(peerId: string): void {
    this.#denied.add(peerId);
    if (this.isConnected(peerId)) this.refuse(peerId, 'it is on the deny list');
  }

  allow(peerId: string): void {
    this.#denied.remove(peerId);
  }

  /** Opens a stream of its own for `protocol`. Whoever opens it closes or aborts it. @throws when the peer cannot be reached */
  async openStream(peerId: string, protocol: string, signal?: AbortSignal): Promise<Stream> {
    const timeout = AbortSignal.timeout(this.limits.dialTimeoutMs);
    const both = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    setMaxListeners(Number.POSITIVE_INFINITY, both);
    const connection = await this.#dial(peerId, both);
    this.#keeper.used(peerId);
    return await connection.newStream(protocol, { signal: both, maxOutboundStreams: 1_024 });
  }

  /** Answers streams of a protocol, at most `maxInbound` at a time on one connection. */
  async handle(protocol: string, handler: StreamHandler, { maxInbound = 32 } = {}): Promise<void> {
    await this.#node.handle(
      protocol,
      async (stream, connection) => {
        const peerId = connection.remotePeer.toString();
        this.#keeper.used(peerId);
        await handler(stream, peerId);
      },
      { maxInboundStreams: maxInbound, maxOutboundStreams: 1_024 },
    );
  }

  async unhandle(protocol: string): Promise<void> {
    await this.#node.unhandle(protocol);
  }

  /** Whether a fresh connection to one of these addresses reaches that peer. Leaves no connection behind. */
  async probe(peerId: string, addresses: readonly string[], signal: AbortSignal): Promise<boolean> {
    const targets = addresses.map((address) => multiaddr(address));
    return await probe(this.#prober, peerIdFromString(peerId), targets, signal);
  }

  /** The IP addresses from which a peer is connected now: what its side of a connection proves, and not what it says. */
  hostsOf(peerId: string): string[] {
    const hosts = this.#node.getConnections(peerIdFromString(peerId)).map(({ remoteAddr }) => hostOf(remoteAddr));
    return [...new Set(hosts.filter((host) => host !== undefined))];
  }

  /** The neighbourhood a connected peer is in (see `subnet.ts`); under emulation, its domain in the topology. */
  subnetOf(peerId: string): number | undefined {
    for (const { remoteAddr } of this.#node.getConnections(peerIdFromString(peerId))) {
      if (this.#emulation !== undefined) {
        const node =
          this.#emulation.remoteNode(remoteAddr.toString()) ?? this.#emulation.remoteNode(withoutPeer(remoteAddr));
        if (node !== undefined) return this.#emulation.graph.domain(node);
      } else {
        const host = hostOf(remoteAddr);
        const subnet = host === undefined ? undefined : subnetOfHost(host);
        if (subnet !== undefined) return subnet;
      }
    }
    return undefined;
  }

  #link(peerId: string): OutgoingLink {
    let link = this.#links.get(peerId);
    if (link === undefined) {
      link = new OutgoingLink(
        async () => await this.openStream(peerId, peerProtocol),
        this.limits,
        (reason) => {
          // Nothing waits on it any more, and of a peer that was never reached no end of a connection will be told.
          this.#links.delete(peerId);
          if (!this.isConnected(peerId)) this.#keeper.forget(peerId);
          this.#reportFailure(peerId, reason);
        },
      );
      this.#links.set(peerId, link);
    }
    return link;
  }

  async #dial(peerId: string, signal = AbortSignal.timeout(this.limits.dialTimeoutMs)): Promise<Connection> {
    const id = peerIdFromString(peerId);
    const open = this.#node.getConnections(id).find(({ status }) => status === 'open');
    if (open !== undefined) return open;
    const known = this.#addresses.get(peerId);
    // In place of what libp2p remembers: each address of yesterday would cost a timeout.
    if (known !== undefined) await this.#node.peerStore.patch(id, { multiaddrs: known });
    return await this.#node.dial(id, { signal });
  }

  #reportFailure(peerId: string, reason: string): void {
    if (this.#isStopping) return;
    queueMicrotask(() => this.emit('sendFailed', peerId, reason));
  }
}

function withoutPeer(address: Multiaddr): string {
  return address.toString().replace(/\/p2p\/[^/]+$/, '');
}
