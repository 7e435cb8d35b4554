/**
 * What a client knows of the servers: the few that could matter to it.
 *
 * A farm may have thousands of servers; a client needs the ones near its group, the root, and one far away in case its whole
 * region is cut off. Its tree's server picks them and hands the list down the client tree whenever it changes; a
 * heartbeat carries the version, so who missed a list pulls it.
 *
 * Source: P2P Volunteers, section 3.4.2 (server selection).
 */
import type { Context } from './context.ts';
import { predictRttMs } from './coordinates.ts';
import { NOBODY } from './ids.ts';
import type { PeerHandle } from './ids.ts';
import type { MemberRecord, View } from './messages.ts';
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

  /** Server: composes the view for its own clients. Returns it when it differs from the last. */
  compose(membership: Membership): View | null {
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
    return this.#keep({ kind: 'view', version, server: self, records });
  }

  /** Client: takes a list handed down. Returns whether it is news, to be handed on. Unsigned entries are left out. */
  take(view: View): boolean {
    const before = this.current;
    if (before !== null && before.server === view.server && before.version >= view.version) return false;
    const known = new Map<PeerHandle, MemberRecord>();
    for (const record of before?.records ?? []) known.set(record.subject, record);
    const records = view.records.filter(
      (record) => known.get(record.subject) === record || this.#ctx.world.verify(record),
    );
    if (records.length < view.records.length) {
      this.#ctx.world.tell({
        type: 'refused',
        peer: view.server,
        what: 'a view of the servers with a false signature',
      });
    }
    // The same object for all who have it: a farm has as many clients as views differ.
    this.#keep(records.length === view.records.length ? view : { ...view, records });
    return true;
  }

  /** The servers in view, the nearest first by coordinates. */
  servers(except: PeerHandle = NOBODY): MemberRecord[] {
    const { coordinate, self } = this.#ctx;
    return (this.current?.records ?? [])
      .filter((record) => record.subject !== except && record.subject !== self)
      .sort((a, b) => predictRttMs(a.coordinate, coordinate) - predictRttMs(b.coordinate, coordinate));
  }
}

/** Which servers are named matters, not in which order: each client sorts them by its own distance. */
function sameRecords(a: readonly MemberRecord[], b: readonly MemberRecord[]): boolean {
  return a.length === b.length && a.every((record) => b.includes(record));
}
