/**
 * The view: the few servers that a client knows.
 *
 * A farm may have thousands of servers. A client needs those near its group, the root, and one far away in case its whole region is cut
 * off. The server of its tree picks them and passes changes down the client tree. A heartbeat carries a digest of its sender's list, so a
 * client that missed a change, is new, or was lied to by an earlier parent pulls the whole list.
 *
 * Source: P2P Volunteers, section 3.4.2 (server selection).
 */
import type { Context } from '../context.ts';
import { predictRttMs } from '../reach/coordinates.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord, View, ViewChange } from '../messages/index.ts';
import { hashOf, isFree, mostDigest } from './membership.ts';
import { mix } from '../hash.ts';
import type { Membership } from './membership.ts';

const versionsPerIncarnation = 1 << 16;
/** At least this many servers of a view take new clients, if there are as many. */
const leastFree = 2;

export class Views {
  readonly #ctx: Context;
  /** The list as its server sent it, and the list with newer records that this client knows: nearly always one object. */
  #said: View | null = null;
  #current: View | null = null;
  /** Server: the last version that it used, in this life or the one before; 0 for none. */
  #lastVersion = 0;
  /** Client: the parent that was asked for the whole list and has not answered yet. */
  #asked: PeerHandle = NOBODY;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  get current(): View | null {
    return this.#current;
  }

  /** The view as the peers below are told it. */
  get said(): View | null {
    return this.#said;
  }

  get version(): number {
    return this.#said?.version ?? 0;
  }

  /** Returns whether the list differs from the last. */
  #keep(said: View, current: View): boolean {
    const ctx = this.#ctx;
    const before = ctx.viewDigest;
    this.#said = said;
    this.#current = current;
    ctx.viewDigest = this.#digest(said);
    const { records, server } = current;
    ctx.shut = records.some(({ subject, full }) => subject === server && full) && records.some(isFree);
    return ctx.viewDigest !== before;
  }

  /**
   * A digest of the server, the version and the content; never 0, which stands for none. A sum, since an exclusive or would cancel a server
   * that is named twice; salted, so that lists that collide do so under one version only.
   */
  #digest({ server, version, records }: View): number {
    const { world } = this.#ctx;
    const salt = mix(mix(world.fingerprint(server) ^ version) ^ (version / 2 ** 32));
    let sum = salt;
    for (const record of records)
      sum += mix(salt ^ hashOf(record, world.fingerprint(record.subject)) ^ Number(record.full));
    return mix(sum) & mostDigest || 1;
  }

  /** Server: composes the view for its own clients. Returns the message for them when it differs from the last. */
  compose(membership: Membership): View | ViewChange | null {
    const { self, coordinate, authority, options } = this.#ctx;
    const others = membership.nearestServing(coordinate, self);
    const picked = new Map<PeerHandle, MemberRecord>();
    for (const peer of [self, authority.origin]) {
      const record = membership.get(peer);
      if (record !== null && record.state === 'serving') picked.set(peer, record);
    }
    const near = others.slice(0, options.viewSize);
    for (const record of near) picked.set(record.subject, record);
    const free = near.filter(isFree).length;
    if (free < near.length && free < leastFree)
      for (const record of others
        .slice(options.viewSize)
        .filter(isFree)
        .slice(0, leastFree - free))
        picked.set(record.subject, record);
    const far = others.at(-1);
    if (far !== undefined) picked.set(far.subject, far);
    const records = [...picked.values()];
    const before = this.#said?.server === self ? this.#said : null;
    if (before !== null && sameRecords(before.records, records)) return null;
    this.#lastVersion ||= this.#ctx.incarnation * versionsPerIncarnation;
    const view: View = { kind: 'view', version: ++this.#lastVersion, server: self, records };
    this.#keep(view, view);
    return before === null ? view : changeBetween(before, view);
  }

  /** Server: the view that its clients have lacks this server, or names as free a server that is full by now or no longer serves. */
  misleads(membership: Membership): boolean {
    const misleads = ({ subject, full }: MemberRecord): boolean => {
      const now = membership.get(subject);
      return now?.state !== 'serving' || (now.full && !full);
    };
    const records = this.#said?.records ?? [];
    return records.some(misleads) || !records.some(({ subject }) => subject === this.#ctx.self);
  }

  /** Client: asks a parent for the whole list. */
  pull(parent: PeerHandle): void {
    this.#asked = parent;
    this.#ctx.world.send(parent, { kind: 'view-pull', version: this.version });
  }

  /**
   * Client: takes what its parent passes down. Returns whether it is new, and is to be passed on. An unasked list must be newer than this
   * client's, and a change must be based on this client's list. An answer counts whatever its version, as the present list may come from a
   * liar. Forged records are left out of a list; a change with a forged record is dropped, and the next heartbeat shows the difference.
   */
  take(view: View | ViewChange, parent: PeerHandle): boolean {
    const isAnswer = view.kind === 'view' && parent === this.#asked;
    if (isAnswer) this.#asked = NOBODY;
    const before = this.#said;
    const isSameServer = before?.server === view.server;
    if (isSameServer && before.version >= view.version && !isAnswer) return false;
    if (view.kind === 'view-change' && !(isSameServer && before.version === view.base)) return false;
    const genuine = view.records.filter((record) => this.#isGenuine(record));
    const isGenuine = genuine.length === view.records.length;
    if (!isGenuine)
      this.#ctx.world.tell({
        type: 'refused',
        peer: view.server,
        what: 'a view of the servers with a false signature',
      });
    if (view.kind === 'view') {
      const said = isGenuine ? view : { ...view, records: genuine };
      return this.#keep(said, this.#withNewer(said));
    }
    if (!isGenuine || before === null) return false;
    const said = changed(before, view);
    return this.#keep(said, this.#withNewer(said));
  }

  /** Whether its subject signed the record; a record already known was checked before. */
  #isGenuine(record: MemberRecord): boolean {
    if (this.#said?.records.includes(record)) return true;
    return record.issuer === record.subject && this.#ctx.world.verify(record);
  }

  /**
   * A server cannot take back what it has signed. So where a list brings an older record of a server, the newer one that is known stays.
   */
  #withNewer(said: View): View {
    const known = this.#current?.records ?? [];
    const newest = said.records.map((record) => known.find((other) => this.#supersedes(other, record)) ?? record);
    return newest.every((record, i) => record === said.records[i]) ? said : { ...said, records: newest };
  }

  #supersedes(news: MemberRecord, record: MemberRecord): boolean {
    return news.subject === record.subject && this.#ctx.rules.supersedes(news, record);
  }

  /** The servers in view, the nearest first by coordinates. */
  servers(except: PeerHandle = NOBODY): MemberRecord[] {
    const { coordinate, self } = this.#ctx;
    return (this.current?.records ?? [])
      .filter((record) => record.subject !== except && record.subject !== self)
      .sort((a, b) => predictRttMs(a.coordinate, coordinate) - predictRttMs(b.coordinate, coordinate));
  }
}

/**
 * The last change applied and its result: many peers in one process have the same list, and it is kept once.
 */
const changedLists = new WeakMap<ViewChange, { readonly before: View; readonly after: View }>();

/** The list that a change makes of the one before. */
function changed(before: View, change: ViewChange): View {
  const known = changedLists.get(change);
  if (known?.before === before) return known.after;
  const { version, server, records, gone } = change;
  const left = before.records.filter(
    ({ subject }) => !gone.includes(subject) && !records.some((record) => record.subject === subject),
  );
  const after: View = { kind: 'view', version, server, records: left.concat(records) };
  changedLists.set(change, { before, after });
  return after;
}

/** The message for clients with the old list: the changes, or the whole list when that is shorter. */
function changeBetween(before: View, view: View): View | ViewChange {
  const records = view.records.filter((record) => !before.records.includes(record));
  const gone = before.records
    .map(({ subject }) => subject)
    .filter((subject) => !view.records.some((record) => record.subject === subject));
  if (2 * records.length > view.records.length) return view;
  return { kind: 'view-change', base: before.version, version: view.version, server: view.server, records, gone };
}

/** Whether two lists name the same servers. Their order does not matter: each client sorts them by its own distance. */
function sameRecords(a: readonly MemberRecord[], b: readonly MemberRecord[]): boolean {
  return a.length === b.length && a.every((record) => b.includes(record));
}
