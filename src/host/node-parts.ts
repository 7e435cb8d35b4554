/**
 * What a node is made of, put together. Most parts need others, and some need each other: those are given a way to ask for the other when
 * the time has come, which is never before all of them stand here.
 */
import { sign } from 'node:crypto';
import type { PeerHandle } from '../core/index.ts';
import { Quality } from '../qos/index.ts';
import type { Charter, Manifest } from '../service/index.ts';
import { AddressBook } from './world/address-book.ts';
import { FarmClock } from './world/clock.ts';
import { CoreHost } from './world/core-host.ts';
import { DecisionLog } from './decisions/decision-log.ts';
import { Doorkeeper } from './door/doorkeeper.ts';
import { probePort, readerPort } from './experience-ports.ts';
import { Happenings } from './happenings.ts';
import type { Happening } from './happenings.ts';
import { Hosting } from './hosting/hosting.ts';
import { HttpClient } from '../network/index.ts';
import type { Network } from '../network/index.ts';
import { IdleProbe } from './reading/idle-probe.ts';
import { tellLoad } from './decisions/load-sentence.ts';
import { qosOptionsOf, signingKeyOf, treeOptionsOf } from './node-options.ts';
import type { NodeOptions } from './node-options.ts';
import { Problems } from './problems.ts';
import { Reader } from './reading/reader.ts';
import { RootDuties } from './hosting/root-duties.ts';
import { Settling } from './settling.ts';

export interface NodeParts {
  readonly book: AddressBook;
  readonly happenings: Happenings;
  readonly problems: Problems;
  readonly settling: Settling;
  /** Null where this peer decides nothing: it is not the root, or nothing is required. */
  readonly decisions: DecisionLog | null;
  readonly host: CoreHost;
  readonly http: HttpClient;
  readonly hosting: Hosting;
  readonly duties: RootDuties;
  readonly door: Doorkeeper;
  readonly reader: Reader;
  readonly probe: IdleProbe;
}

/** Nothing is started yet. */
export function assemble(options: NodeOptions, network: Network, charter: Charter): NodeParts {
  const { logger, state } = options;
  const book = new AddressBook();
  const happenings = new Happenings((sentence, error) => {
    logger.error({ err: error }, sentence);
    problems.say('listener', sentence);
  });
  const tell = (happening: Happening): void => host.tell(happening);
  const problems: Problems = new Problems(logger, (event) => tell({ from: 'problems', event }));
  const clock = new FarmClock();
  clock.on('jumped', (byMs) => problems.say('clock', `The system clock jumped by ${Math.round(byMs / 1000)} s.`));
  const qos = qosOptionsOf(charter, options.controllerBeats);
  const decisions = decisionLogOf(options, network, charter, book, problems);
  const key = signingKeyOf(options.privateKey);
  const host: CoreHost = new CoreHost({
    network,
    book,
    rows: state,
    clock,
    serviceId: charter.serviceId,
    options: treeOptionsOf(charter),
    makeLayers: [(parts) => new Quality(parts, qos, (event) => tell({ from: 'quality', event }))],
    logger,
    sign: (bytes) => sign(null, bytes, key),
    admits: (peerId, credential) => door.admits(peerId, credential),
    transfer: (notice, from) => void hosting.transfer(notice, from),
    happened: (happening) => happenings.tell(happening),
    onProblem: (about, sentence) => (sentence === null ? problems.over(about) : problems.say(about, sentence)),
  });
  const door = new Doorkeeper({
    network,
    charter,
    state,
    rootKey: options.rootKey,
    standing: () => host.peer.state.ctx.authority.standing,
    mayIssue: (issuer) => {
      const bytes = Buffer.from(issuer, 'base64url');
      return book.knows(bytes) && host.peer.state.ctx.authority.mayIssue(book.handleOf(bytes));
    },
    logger,
  });
  const http = new HttpClient(network);
  const reachable = (handle: PeerHandle): string => {
    const peerId = book.peerIdOf(handle);
    if (!network.isConnected(peerId)) network.learn(peerId, book.addressesOf(handle));
    return peerId;
  };
  const accepted = (manifest: Manifest): void => reader.accept(manifest);
  const shared = { options, network, charter, problems, book, http, host, reachable, accepted };
  const hosting = new Hosting(shared);
  const duties = new RootDuties({ ...shared, hosting });
  const probe = new IdleProbe(http, probePort({ ...shared, hosting }, network.peerId), logger);
  const asked = (): void => probe.busy();
  const reader: Reader = new Reader(
    http,
    readerPort({ ...shared, hosting }, asked, (event) => tell({ from: 'reader', event })),
    logger,
  );
  const settling = new Settling(problems, () => host.peer.state.upTree()?.attached === false);
  const parts = { book, happenings, problems, settling, decisions, host, http, hosting, duties, door, reader, probe };
  followAddresses(network, book, host);
  followNetwork(network, tell);
  listenInside(parts, options);
  return parts;
}

/** What the peer itself makes of what happens to it; others listen after these. */
function listenInside({ happenings, decisions, problems, book }: NodeParts, { logger }: NodeOptions): void {
  if (decisions !== null)
    happenings.listen(({ from, event }) => {
      if (from === 'quality') decisions.happened(event);
    });
  happenings.listen(({ from, event }) => {
    if (from === 'quality') tellLoad(event, problems, logger, (peer) => book.peerIdOf(peer));
  });
  happenings.listen(({ from, event }) => {
    if (from !== 'commits') return;
    if (event.type === 'commits-resumed') problems.over('disk');
    if (event.type !== 'commit-failed') return;
    problems.say('disk', `The state could not be written, so nothing that depends on it was sent: ${event.reason}`);
  });
}

function followNetwork(network: Network, tell: (happening: Happening) => void): void {
  const from = 'network';
  network.on('connected', (peerId) => tell({ from, event: { type: 'connected', peerId } }));
  network.on('disconnected', (peerId) => tell({ from, event: { type: 'disconnected', peerId } }));
  network.on('refused', (peerId, reason) => tell({ from, event: { type: 'refused', peerId, reason } }));
  network.on('sendFailed', (peerId, reason) => tell({ from, event: { type: 'send-failed', peerId, reason } }));
  network.on('addressesChanged', (addresses) => tell({ from, event: { type: 'addresses-changed', addresses } }));
}

function decisionLogOf(
  { state }: NodeOptions,
  network: Network,
  charter: Charter,
  book: AddressBook,
  problems: Problems,
): DecisionLog | null {
  const { requirement } = qosOptionsOf(charter);
  if (requirement === null || charter.rootPeerId !== network.peerId) return null;
  return new DecisionLog({
    rows: state.decisions,
    requirement,
    peerIdOf: (handle) => book.peerIdOf(handle),
    nowMs: () => Date.now(),
    failed: (reason) => problems.say('disk', `A decision could not be written down: ${reason}`),
  });
}

/** Where others are is learned by meeting them; where this peer is, it tells. */
function followAddresses(network: Network, book: AddressBook, host: CoreHost): void {
  network.on('identified', (peerId, addresses) => book.confirm(book.met(peerId), addresses));
  book.replace(book.handleOfPeer(network.peerId), network.addresses());
  network.on('addressesChanged', (addresses) => {
    book.replace(host.self, addresses);
    host.inform((peer, nowMs) => peer.addressChanged(nowMs));
  });
}
