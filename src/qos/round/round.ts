/**
 * The round under way at one peer: what has come in, and which peers it still waits for.
 *
 * First the peer's own client tree is collected, for at most as many heartbeats as it is high, plus one. A client is then done. A server
 * next surveys its clients, while the servers below it, which began at the same time, do the same and report. Each child is heard once. A
 * child that left is no longer waited for. A child whose report cannot be true, or comes too late, counts as silent, which the coverage
 * shows.
 *
 * This file keeps the books and the deadlines; what follows from them, and which peers are told, is for `Quality`.
 */
import { NOBODY } from '../../core/index.ts';
import type { Aggregate, AggregateReport, Child, MemberSample, Parts, PeerHandle, TreeKind } from '../../core/index.ts';
import type { Announcement } from './announcement.ts';
import type { Attendance } from './attendance.ts';
import { isOfSize, isSane, ofThoseBelow } from './sanity.ts';
import { Tally } from './tally.ts';
import type { Felt } from './window.ts';

/** Heartbeats that a server waits for its surveys. */
const surveyBeats = 4;
/** Surveys that a server makes in one round. */
const surveysPerRound = 4;

export class Round {
  readonly announcement: Announcement;
  /** The own client tree (for a client, the subtree below it). */
  readonly clients: Tally;
  /** The tree of servers: the reports of the servers below. */
  readonly servers: Tally;
  /** Samples by the child they came through. */
  readonly branches: MemberSample[][] = [];
  /** This peer's own figure is counted. */
  selfCounted = false;
  /** Clients that were surveyed and have not answered. */
  readonly surveyed = new Set<PeerHandle>();
  surveysLeft = surveysPerRound;
  readonly #parts: Parts;
  readonly #attendance: Attendance | null;
  /** Children that have not reported, each with the number of peers expected from it. */
  readonly #awaited: Readonly<Record<TreeKind, Map<PeerHandle, number>>> = { clients: new Map(), servers: new Map() };
  /** For each child that reported, the share of the peers below it that were heard. */
  readonly #heardShares = new Map<PeerHandle, number>();
  #stage: 'collecting' | 'surveying' = 'collecting';
  /** Heartbeats until the own tree is closed, until the surveys end, and until the round ends. */
  #collectBeats: number;
  #surveyBeats = surveyBeats;
  #beatsLeft: number;

  constructor(parts: Parts, announcement: Announcement, attendance: Attendance | null) {
    const { ctx, clients } = parts;
    const fingerprint = (peer: PeerHandle): number => ctx.world.fingerprint(peer);
    this.#parts = parts;
    this.#attendance = attendance;
    this.announcement = announcement;
    this.clients = new Tally(announcement.round, fingerprint);
    this.servers = new Tally(announcement.round, fingerprint);
    this.#collectBeats = clients.extent().height + 1;
    this.#beatsLeft = this.#collectBeats;
    this.#expect('clients', clients.children);
    if (!ctx.isServer()) return;
    this.#expect('servers', parts.servers.children);
    this.#beatsLeft += surveyBeats + parts.servers.extent().height * (surveyBeats + 1);
  }

  /** Notes the children that should report, each with the number of peers expected from it: the size it last told. */
  #expect(tree: TreeKind, children: readonly Child[]): void {
    for (const { peer, size } of children) {
      const expected = this.#attendance?.expected(peer, size) ?? size;
      this.#awaited[tree].set(peer, expected);
      this[tree].expect(expected);
    }
  }

  // --- How far it is --------------------------------------------------------------------------------------------------------

  get isCollecting(): boolean {
    return this.#stage === 'collecting';
  }

  /** All of the own client tree has reported. */
  get allClientsHeard(): boolean {
    return this.#awaited.clients.size === 0;
  }

  /** The time for the own client tree is up. */
  get isCollectTimeUp(): boolean {
    return this.#collectBeats <= 0;
  }

  /** A survey may begin: none is under way, and there is time. */
  get maySurvey(): boolean {
    return this.surveyed.size === 0 && this.#surveyBeats > 0;
  }

  /** No peer is waited for any more, or time is up. */
  get isOver(): boolean {
    return (this.surveyed.size === 0 && this.#awaited.servers.size === 0) || this.#beatsLeft <= 0;
  }

  /** Heartbeats until a report would be too late for every parent. */
  get beatsToGo(): number {
    return this.#beatsLeft + surveyBeats;
  }

  /** The share of the peers below a child that was heard; 0 for a child that did not report. */
  heardShare(child: PeerHandle): number {
    return this.#heardShares.get(child) ?? 0;
  }

  /** One heartbeat passes; children that left are no longer waited for. */
  beat(): void {
    const { clients, servers } = this.#awaited;
    for (const peer of clients.keys()) if (this.#parts.clients.child(peer) === null) clients.delete(peer);
    for (const peer of servers.keys()) if (this.#parts.servers.child(peer) === null) servers.delete(peer);
    this.#collectBeats--;
    this.#beatsLeft--;
    if (!this.isCollecting && --this.#surveyBeats <= 0) this.surveyed.clear();
  }

  /** Closes the own client tree with the reports there are; the surveys get their time. */
  closeCollection(): void {
    this.#stage = 'surveying';
    this.#beatsLeft = Math.max(this.#beatsLeft, surveyBeats);
  }

  // --- What comes in --------------------------------------------------------------------------------------------------------

  /** Adds this peer's own delay; null: none. */
  addSelf(felt: Felt | null): void {
    this.clients.addSelf(felt, this.announcement.limitMs);
    this.selfCounted = felt !== null;
  }

  /** Adds a client's own sample. */
  addOwnSample(sample: MemberSample): void {
    this.clients.addSample(sample);
    this.branches.push([sample]);
    if (sample.willing) this.clients.descend(sample.peer, sample.delayMs, NOBODY, sample.delayMs);
  }

  /** Takes in a report; false when it comes from no child, belongs to another round, or is the second one. */
  hear(from: PeerHandle, { tree, round, aggregate }: AggregateReport): boolean {
    if (round !== this.announcement.round || this.#heardShares.has(from)) return false;
    const { ctx } = this.#parts;
    const isServers = tree === 'servers';
    if (isServers && !ctx.isServer()) return false;
    const child = this.#parts[tree].child(from);
    if (child === null) return false;
    // A report that cannot be true counts as silence, and is no longer waited for.
    const expected = this.#awaited[tree].get(from) ?? 0;
    this.#awaited[tree].delete(from);
    this.#heardShares.set(from, 0);
    const isTrue = isSane(aggregate, tree, this.announcement) && (isServers || isOfSize(aggregate, child.size));
    if (isTrue) this.#add(tree, from, aggregate, expected);
    else ctx.world.tell({ type: 'refused', peer: from, what: 'a report for a round that cannot be true' });
    return true;
  }

  #add(tree: TreeKind, from: PeerHandle, told: Aggregate, expected: number): void {
    this.#heardShares.set(from, told.reported / Math.max(1, told.expected));
    const aggregate = this.#attendance?.believed(from, told) ?? told;
    if (tree === 'servers') {
      this.servers.add(ofThoseBelow(this.#parts.membership, from, aggregate), expected);
    } else if (this.isCollecting) {
      // A liar may list its server among its samples.
      const samples = aggregate.samples.filter(({ peer }) => peer !== this.#parts.ctx.self);
      this.clients.add({ ...aggregate, samples }, expected);
      this.branches.push(samples);
    }
  }
}
