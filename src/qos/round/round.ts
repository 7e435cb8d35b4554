/**
 * The round under way at one peer: what has come in, and whom it still waits for.
 *
 * First the peer's own client tree is collected, for at most as many heartbeats as it is high, and one. A client is done with that. A
 * server surveys its clients next, while the servers below it, which began at the same time, do the same and report. Each child is heard
 * once. One that left is waited for no more; one whose report cannot be true, or comes too late, counts as silent, which the coverage
 * shows.
 *
 * It keeps the books and knows the time; what follows from that, and who is told, is for `Quality`.
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
/** Times in a round that a server asks its clients. */
const surveysPerRound = 4;

export class Round {
  readonly announcement: Announcement;
  /** Own client tree (or, for a client, the subtree below it). */
  readonly clients: Tally;
  /** Tree of servers: what the servers below reported. */
  readonly servers: Tally;
  /** Samples by the child they came through. */
  readonly branches: MemberSample[][] = [];
  /** This peer's own figure is in. */
  selfCounted = false;
  /** Clients that were asked to measure and have not answered. */
  readonly surveyed = new Set<PeerHandle>();
  surveysLeft = surveysPerRound;
  readonly #parts: Parts;
  readonly #attendance: Attendance | null;
  /** Children that have not reported, with the peers that were expected of each. */
  readonly #awaited: Readonly<Record<TreeKind, Map<PeerHandle, number>>> = { clients: new Map(), servers: new Map() };
  /** Of each child that reported: what share of those below it did. */
  readonly #heardShares = new Map<PeerHandle, number>();
  #stage: 'collecting' | 'surveying' = 'collecting';
  /** Heartbeats until the own tree is closed with what there is, until the surveys are, and until all is. */
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

  /** Who is to report, and how many peers each is expected to have heard: by the size it last told. */
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

  /** Nobody in the own client tree is waited for. */
  get allClientsHeard(): boolean {
    return this.#awaited.clients.size === 0;
  }

  /** The own client tree has had its time. */
  get isCollectTimeUp(): boolean {
    return this.#collectBeats <= 0;
  }

  /** Clients may be asked: nobody is measuring, and there is time. */
  get maySurvey(): boolean {
    return this.surveyed.size === 0 && this.#surveyBeats > 0;
  }

  /** Nobody at all is waited for, or time is up. */
  get isOver(): boolean {
    return (this.surveyed.size === 0 && this.#awaited.servers.size === 0) || this.#beatsLeft <= 0;
  }

  /** Heartbeats until a report would come too late for anybody. */
  get beatsToGo(): number {
    return this.#beatsLeft + surveyBeats;
  }

  /** Of those below a child, the share that was heard; 0 for a child that was not. */
  heardShare(child: PeerHandle): number {
    return this.#heardShares.get(child) ?? 0;
  }

  /** Time goes by; who left meanwhile is waited for no more. */
  beat(): void {
    const { clients, servers } = this.#awaited;
    for (const peer of clients.keys()) if (this.#parts.clients.child(peer) === null) clients.delete(peer);
    for (const peer of servers.keys()) if (this.#parts.servers.child(peer) === null) servers.delete(peer);
    this.#collectBeats--;
    this.#beatsLeft--;
    if (!this.isCollecting && --this.#surveyBeats <= 0) this.surveyed.clear();
  }

  /** The own client tree is closed with what there is; the surveys get their time. */
  closeCollection(): void {
    this.#stage = 'surveying';
    this.#beatsLeft = Math.max(this.#beatsLeft, surveyBeats);
  }

  // --- What comes in --------------------------------------------------------------------------------------------------------

  /** What this peer felt; null: nothing. */
  addSelf(felt: Felt | null): void {
    this.clients.addSelf(felt, this.announcement.limitMs);
    this.selfCounted = felt !== null;
  }

  /** A client: how it stands in the sample. */
  addOwnSample(sample: MemberSample): void {
    this.clients.addSample(sample);
    this.branches.push([sample]);
    if (sample.willing) this.clients.descend(sample.peer, sample.delayMs, NOBODY, sample.delayMs);
  }

  /** A report; false when it is no child's, of another round, or the second one. */
  hear(from: PeerHandle, { tree, round, aggregate }: AggregateReport): boolean {
    if (round !== this.announcement.round || this.#heardShares.has(from)) return false;
    const { ctx } = this.#parts;
    const isServers = tree === 'servers';
    if (isServers && !ctx.isServer()) return false;
    const child = this.#parts[tree].child(from);
    if (child === null) return false;
    // What cannot be true counts as silence; nobody waits for it any longer.
    const expected = this.#awaited[tree].get(from) ?? 0;
    this.#awaited[tree].delete(from);
    this.#heardShares.set(from, 0);
    const isTrue = isSane(aggregate, tree, this.announcement) && (isServers || isOfSize(aggregate, child.size));
    if (isTrue) this.#add(tree, from, aggregate, expected);
    else ctx.world.tell({ type: 'refused', peer: from, what: 'a report of a round that cannot be true' });
    return true;
  }

  #add(tree: TreeKind, from: PeerHandle, told: Aggregate, expected: number): void {
    this.#heardShares.set(from, told.reported / Math.max(1, told.expected));
    const aggregate = this.#attendance?.believed(from, told) ?? told;
    if (tree === 'servers') {
      this.servers.add(ofThoseBelow(this.#parts.membership, from, aggregate), expected);
    } else if (this.isCollecting) {
      // A liar may count its server among those who wait for it.
      const samples = aggregate.samples.filter(({ peer }) => peer !== this.#parts.ctx.self);
      this.clients.add({ ...aggregate, samples }, expected);
      this.branches.push(samples);
    }
  }
}
