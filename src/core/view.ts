/**
 * What a client knows of the servers: the few that could matter to it.
 *
 * A farm may have thousands of servers; a client needs the ones near its group, the root, and one far away in case its whole
 * region is cut off. Its tree's server picks them and hands down the client tree what changes; a heartbeat carries the version,
 * so who missed something, or is new, pulls the whole list.
 *
 * Source: P2P Volunteers, section 3.4.2 (server selection).
 */
import type { Context } from './context.ts';
import { predictRttMs } from './coordinates.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { MemberRecord, View, ViewChange } from './messages.ts';
import { isFree } from './membership.ts';
import type { Membership } from './membership.ts';

const versionsPerIncarnation = 1 << 16;
/** So many servers of a view, if there are, take clients that they do not have yet. */
const leastFree = 2;

export class Views {
  readonly #ctx: Context;
  #current: View | null = null;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  get current(): View | null {
    return this.#current;
  }

  get version(): number {
    return this.#ctx.viewVersion;
  }

  #keep(view: View): View {
    this.#current = view;
    this.#ctx.viewVersion = view.version;
    const { records, server } = view;
    this.#ctx.shut = records.some(({ subject, full }) => subject === server && full) && records.some(isFree);
    return view;
  }

  /** Server: composes the view for its own clients. Returns what to tell them when it differs from the last. */
  compose(membership: Membership): View | ViewChange | null {
    const { self, coordinate, rootPeer, options } = this.#ctx;
    const others = membership.nearestServing(coordinate, self);
    const picked = new Map<PeerHandle, MemberRecord>();
    for (const peer of [self, rootPeer]) {
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
    const before = this.current;
    if (before !== null && before.server === self && sameRecords(before.records, records)) return null;
    const base = this.#ctx.incarnation * versionsPerIncarnation;
    const version = before !== null && before.server === self ? before.version + 1 : base + 1;
    const view = this.#keep({ kind: 'view', version, server: self, records });
    return before?.server === self ? changeBetween(before, view) : view;
  }

  /** Server: the view that its clients have lacks this server itself, or names one as free that is full by now, or serves no more. */
  misleads(membership: Membership): boolean {
    const misleads = ({ subject, full }: MemberRecord): boolean => {
      const now = membership.get(subject);
      return now?.state !== 'serving' || (now.full && !full);
    };
    const records = this.current?.records ?? [];
    return records.some(misleads) || !records.some(({ subject }) => subject === this.#ctx.self);
  }

  /**
   * Client: takes what was handed down. Returns whether it is news, to be handed on; a change to a list that this client does not have
   * is none. Unsigned entries are left out.
   */
  take(view: View | ViewChange): boolean {
    const before = this.current;
    const isSameServer = before?.server === view.server;
    if (isSameServer && before.version >= view.version) return false;
    if (view.kind === 'view-change' && !(isSameServer && before.version === view.base)) return false;
    const genuine = this.#genuine(view.records, before?.records ?? []);
    if (genuine.length < view.records.length) {
      this.#ctx.world.tell({
        type: 'refused',
        peer: view.server,
        what: 'a view of the servers with a false signature',
      });
    }
    const { version, server } = view;
    if (view.kind === 'view-change') {
      const left = (before?.records ?? []).filter(
        ({ subject }) => !view.gone.includes(subject) && !genuine.some((record) => record.subject === subject),
      );
      this.#keep({ kind: 'view', version, server, records: left.concat(genuine) });
    } else {
      // The same object for all who have it: a farm has as many clients as views differ.
      this.#keep(genuine.length === view.records.length ? view : { ...view, records: genuine });
    }
    return true;
  }

  /** What is signed by whom it is about; what was known already was looked at then. */
  #genuine(records: readonly MemberRecord[], known: readonly MemberRecord[]): readonly MemberRecord[] {
    return records.filter((record) => known.includes(record) || this.#ctx.world.verify(record));
  }

  /** The servers in view, the nearest first by coordinates. */
  servers(except: PeerHandle = NOBODY): MemberRecord[] {
    const { coordinate, self } = this.#ctx;
    return (this.current?.records ?? [])
      .filter((record) => record.subject !== except && record.subject !== self)
      .sort((a, b) => predictRttMs(a.coordinate, coordinate) - predictRttMs(b.coordinate, coordinate));
  }
}

/** What to tell those who have the old list: what changed, or all of it when that is shorter. */
function changeBetween(before: View, view: View): View | ViewChange {
  const records = view.records.filter((record) => !before.records.includes(record));
  const gone = before.records
    .map(({ subject }) => subject)
    .filter((subject) => !view.records.some((record) => record.subject === subject));
  if (2 * records.length > view.records.length) return view;
  return { kind: 'view-change', base: before.version, version: view.version, server: view.server, records, gone };
}

/** Which servers are named matters, not in which order: each client sorts them by its own distance. */
function sameRecords(a: readonly MemberRecord[], b: readonly MemberRecord[]): boolean {
  return a.length === b.length && a.every((record) => b.includes(record));
}
