/**
 * Membership: the versioned list of servers that every server keeps, and how the copies converge.
 *
 * Each entry is a signed record that only its subject may raise. Records merge by rule `supersedes`, so any order of arrival ends in the
 * same list. Changes travel as deltas on the heartbeats, over every link but the one they came by. Digests on the same heartbeats
 * (anti-entropy) find what was missed, in 16 buckets so that a small difference costs little.
 *
 * Servers that left are kept as tombstones, since an old record would otherwise bring them back. Each server drops a tombstone at its own
 * time; so tombstones are no part of the digests, and a server that never knew the subject does not accept its tombstone. Otherwise servers
 * would return dropped tombstones to each other for ever.
 *
 * Source: P2P Volunteers, section 3.4.1; merging after the incarnation rules of SWIM (Das, Gupta, Motivala, 2002).
 */
import { invariant } from '../invariant.ts';
import type { Context } from '../context.ts';
import { incarnationAt } from '../context.ts';
import { isSound, predictRttMs } from '../reach/coordinates.ts';
import { mix } from '../hash.ts';
import type { PeerHandle } from '../ids.ts';
import type { Coordinate, MemberRecord, MemberState } from '../messages/index.ts';

interface Entry {
  record: MemberRecord;
  /** When it was learned, ms: a tombstone is dropped after `tombstoneMs`. */
  atMs: number;
}

export const bucketCount = 16;
const stateNumbers: Record<MemberState, number> = { joining: 1, serving: 2, draining: 3, gone: 4, excluded: 5 };
const none: readonly MemberRecord[] = [];
const emptyBuckets: readonly number[] = Array.from({ length: bucketCount }, () => 0);

export interface MembershipListener {
  /** A record changed; `own` when this peer wrote it now. */
  memberChanged(record: MemberRecord, own: boolean): void;
}

/** Records that travel with one beat at most; the rest goes with the next. */
const mostDeltas = 64;
/** Digests keep to 31 bits: such numbers need no heap memory of their own. */
export const mostDigest = 0x7fff_ffff;

export class Membership {
  readonly #ctx: Context;
  /** Null while there is none. */
  #entries: Map<PeerHandle, Entry> | null = null;
  /** Records that have not been passed on, by subject, in order of arrival; null while there are none. */
  #pending: Map<PeerHandle, MemberRecord> | null = null;
  #buckets: readonly number[] = emptyBuckets;
  #digest = 0;
  /** Away longer than tombstones last: this peer's list must not be spread before a snapshot came. */
  stale = false;
  /** Signatures verified so far: the work that others have caused. */
  verified = 0;
  readonly #listener: MembershipListener | null;

  constructor(ctx: Context, listener: MembershipListener | null) {
    this.#ctx = ctx;
    this.#listener = listener;
  }

  get(peer: PeerHandle): MemberRecord | null {
    return this.#entries?.get(peer)?.record ?? null;
  }

  *records(): IterableIterator<MemberRecord> {
    for (const { record } of this.#known()) yield record;
  }

  /** Servers that take requests now. */
  serving(): MemberRecord[] {
    const serving: MemberRecord[] = [];
    for (const { record } of this.#known()) if (record.state === 'serving') serving.push(record);
    return serving;
  }

  /** Serving peers by their predicted round trip to a coordinate, the nearest first. */
  nearestServing(to: Coordinate, except: PeerHandle): MemberRecord[] {
    return this.serving()
      .filter((record) => record.subject !== except)
      .sort((a, b) => predictRttMs(a.coordinate, to) - predictRttMs(b.coordinate, to));
  }

  /** Writes a new record of this peer about itself and spreads it. */
  declare(state: MemberState, parent: PeerHandle): MemberRecord {
    const { self, incarnation, coordinate } = this.#ctx;
    const { standing } = this.#ctx.authority;
    invariant(incarnation > 0, 'who says something of itself has begun its life');
    const record = this.#ctx.signed<MemberRecord>({
      type: 'member',
      subject: self,
      incarnation,
      state,
      parent,
      coordinate,
      full: this.#ctx.full && state === 'serving',
      issuer: self,
      standing,
    });
    this.#store(record, true);
    return record;
  }

  /** This server is full from now on, or no longer: it announces that, if it serves. */
  declareFull(full: boolean): void {
    const own = this.get(this.#ctx.self);
    this.#ctx.full = full;
    if (own?.state !== 'serving' || own.full === full) return;
    this.#ctx.raiseIncarnation(own.incarnation);
    this.declare('serving', own.parent);
  }

  /**
   * A parent, or the root, writes that a server is gone; the root, that it is excluded. Both only of servers that have a record. The
   * incarnation of an exclusion says when it was written: all servers forget it at the same time.
   */
  declareOther(subject: PeerHandle, state: 'gone' | 'excluded'): void {
    const known = this.get(subject);
    if (known === null || known.state === 'excluded' || (state === 'gone' && known.state === 'gone')) return;
    const { self, authority } = this.#ctx;
    const { standing } = authority;
    invariant(subject !== self || state !== 'gone', 'nobody buries itself');
    const record = this.#ctx.signed<MemberRecord>({
      type: 'member',
      subject,
      incarnation: state === 'gone' ? known.incarnation : Math.max(known.incarnation, incarnationAt(this.#ctx.nowMs)),
      state,
      parent: known.parent,
      coordinate: known.coordinate,
      full: false,
      issuer: self,
      standing,
    });
    this.#store(record, true);
  }

  /** Takes in a record from elsewhere. Returns whether it changed anything. */
  merge(record: MemberRecord): boolean {
    return this.judge(record) === 'taken';
  }

  /**
   * Takes in a record from elsewhere, or leaves it: it is no news, or its issuer may not write it. `forged`: its issuer did not sign
   * it, which no honest peer passes on.
   */
  judge(record: MemberRecord): 'taken' | 'left' | 'forged' {
    const known = this.get(record.subject);
    if (!this.#ctx.rules.supersedes(record, known) || (known === null && record.state === 'gone')) return 'left';
    if (record.incarnation > this.#ctx.latestIncarnation() || !isSound(record.coordinate)) return 'left';
    if (this.#isLapsed(record) || !this.#mayWrite(record, known)) return 'left';
    this.verified++;
    if (!this.#ctx.world.verify(record)) return 'forged';
    // What others write about a server is an order: one of an authority that no longer counts is refused.
    if (!this.#ctx.authority.acknowledges(record) && record.issuer !== record.subject) return 'left';
    this.#store(record, false);
    return 'taken';
  }

  /** Replaces the list by another server's, after a long absence. This peer's record of itself stays. */
  replace(records: readonly MemberRecord[]): void {
    const { self } = this.#ctx;
    const before = [...this.records()].filter(({ subject }) => subject !== self);
    for (const { subject } of before) this.#remove(subject);
    this.stale = false;
    for (const record of records) this.merge(record);
    // The old records must leave the disk too, or the next start would believe them.
    for (const { subject } of before) if (this.get(subject) === null) this.#forget(subject);
  }

  /**
   * Keeps only this peer's own record and the exclusions. For a peer whose list may be older than tombstones last, and that has no peer to
   * ask (the root) or is about to ask for the whole list (a new server).
   */
  beginAnew(): void {
    this.replace([...this.records()].filter(({ state }) => state === 'excluded'));
  }

  restore(record: MemberRecord, atMs: number): void {
    this.#remove(record.subject);
    const isTombstone = record.state === 'gone' && this.#ctx.nowMs - atMs > this.#ctx.options.tombstoneMs;
    if (isTombstone || this.#isLapsed(record)) this.#forget(record.subject);
    else this.#add(record, atMs);
  }

  /** The deltas that have not been passed on, as many as go with one beat. */
  takeDeltas(): readonly MemberRecord[] {
    if (this.#pending === null) return none;
    const deltas: MemberRecord[] = [];
    for (const [subject, record] of this.#pending) {
      if (deltas.length === mostDeltas) return deltas;
      deltas.push(record);
      this.#pending.delete(subject);
    }
    this.#pending = null;
    invariant(deltas.length > 0, 'a list of what waits is not empty');
    return deltas;
  }

  hasDeltas(): boolean {
    return this.#pending !== null;
  }

  /** One number for the whole list; equal lists have equal digests. */
  digest(): number {
    return this.#digest;
  }

  buckets(): number[] {
    return [...this.#buckets];
  }

  /** The records in those buckets whose digest differs from the given ones. */
  differing(buckets: readonly number[]): MemberRecord[] {
    const records: MemberRecord[] = [];
    for (const { record } of this.#known()) {
      const bucket = this.#bucketOf(record.subject);
      if (buckets[bucket] !== this.#buckets[bucket]) records.push(record);
    }
    return records;
  }

  /** Forgets tombstones and exclusions that have lasted long enough, here and on the disk. Returns whose they were. */
  expire(): PeerHandle[] {
    const limitMs = this.#ctx.nowMs - this.#ctx.options.tombstoneMs;
    const expired: PeerHandle[] = [];
    for (const { record, atMs } of this.#known())
      if ((record.state === 'gone' && atMs < limitMs) || this.#isLapsed(record)) expired.push(record.subject);
    for (const subject of expired) {
      this.#remove(subject);
      this.#forget(subject);
    }
    return expired;
  }

  /** An exclusion that was written longer ago than tombstones last. */
  #isLapsed({ state, incarnation }: MemberRecord): boolean {
    return state === 'excluded' && incarnation < incarnationAt(this.#ctx.nowMs - this.#ctx.options.tombstoneMs);
  }

  #mayWrite(record: MemberRecord, known: MemberRecord | null): boolean {
    if (this.#ctx.authority.maySign(record, record.issuer)) return true;
    if (record.state === 'excluded') return false;
    if (record.issuer === record.subject) return true;
    if (record.state !== 'gone') return false;
    // A parent that is not known as one must at least be a server; a living subject refutes a false record.
    if (known !== null && known.incarnation === record.incarnation) return record.issuer === known.parent;
    return record.issuer === record.parent && this.#serves(record.issuer);
  }

  #serves(peer: PeerHandle): boolean {
    const state = this.get(peer)?.state;
    return state === 'serving' || state === 'draining';
  }

  #store(record: MemberRecord, own: boolean): void {
    const known = this.get(record.subject);
    invariant(
      !own || known === null || record.incarnation >= known.incarnation,
      'an incarnation that is written here never falls',
    );
    this.#remove(record.subject);
    this.#add(record, this.#ctx.nowMs);
    this.#pending ??= new Map();
    // Set again, it would keep its old place, and be sent before records that came earlier.
    this.#pending.delete(record.subject);
    this.#pending.set(record.subject, record);
    this.#ctx.world.persist({ type: 'member', peer: record.subject, record, atMs: this.#ctx.nowMs });
    this.#ctx.world.tell({ type: 'member-changed', record });
    this.#listener?.memberChanged(record, own);
  }

  #forget(subject: PeerHandle): void {
    this.#ctx.world.forget({ type: 'member', which: subject });
  }

  #known(): Iterable<Entry> {
    return this.#entries?.values() ?? [];
  }

  #add(record: MemberRecord, atMs: number): void {
    this.#entries ??= new Map();
    this.#entries.set(record.subject, { record, atMs });
    this.#toggle(record);
  }

  #remove(peer: PeerHandle): void {
    const entry = this.#entries?.get(peer);
    if (entry === undefined) return;
    this.#toggle(entry.record);
    this.#entries?.delete(peer);
  }

  #bucketOf(peer: PeerHandle): number {
    return this.#ctx.world.fingerprint(peer) % bucketCount;
  }

  /** Adds a record to the digests, or removes it: exclusive or is its own inverse. */
  #toggle(record: MemberRecord): void {
    if (record.state === 'gone') return;
    const bucket = this.#bucketOf(record.subject);
    const hash = hashOf(record, this.#ctx.world.fingerprint(record.subject));
    this.#buckets = this.#buckets.with(bucket, ((this.#buckets[bucket] ?? 0) ^ hash) >>> 0);
    let sum = 0;
    for (const digest of this.#buckets) sum = (Math.imul(sum, 31) + digest) >>> 0;
    this.#digest = sum & mostDigest;
  }
}

/** 32 bits for a record's content; `fingerprint` is its subject's. */
export function hashOf({ incarnation, state }: MemberRecord, fingerprint: number): number {
  return mix(mix(fingerprint ^ Math.imul(incarnation, 0x9e3779b1)) ^ stateNumbers[state]);
}

/** Whether a server takes new clients. */
export function isFree({ state, full }: MemberRecord): boolean {
  return state === 'serving' && !full;
}

/** The same records, those of full servers last. */
export function fullLast(records: MemberRecord[]): MemberRecord[] {
  if (!records.some(({ full }) => full)) return records;
  return [...records.filter(({ full }) => !full), ...records.filter(({ full }) => full)];
}
