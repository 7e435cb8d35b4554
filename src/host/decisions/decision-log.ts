/**
 * The root's memory of its decisions: what was seen, what was done about it, what became of it, and what came next.
 *
 * The controller tells of rounds, decisions and their ends one by one; this puts together what belongs together and writes it
 * down, so that an owner can ask in a month why a server is where it is. A farm at rest finds the same round after round:
 * such rounds are one entry with a count. Peers stand in it by their ids, since handles mean nothing after a restart.
 */
import { NOBODY } from '../../core/index.ts';
import type { PeerHandle } from '../../core/index.ts';
import type { Action, QosEvent, Requirement } from '../../qos/index.ts';
import type { DecidedAction, Decision, DecisionEntry, ExplainOptions, FarmFigures } from '../farm-node.ts';
import type { DecisionRow, DecisionRows } from '../node-state.ts';

export interface DecisionLogOptions {
  readonly rows: DecisionRows;
  readonly requirement: Requirement;
  readonly peerIdOf: (handle: PeerHandle) => string;
  readonly nowMs: () => number;
  /** Told when an entry could not be written. */
  readonly failed: (reason: string) => void;
}

type Decided = Extract<QosEvent, { readonly type: 'decided' }>;
type Concluded = Extract<QosEvent, { readonly type: 'concluded' }>;

export class DecisionLog {
  readonly #given: DecisionLogOptions;
  /** The last decision, and the last in which something was done. */
  latest: Decision | null = null;
  lastAction: Decision | null = null;

  constructor(given: DecisionLogOptions) {
    this.#given = given;
    // What was decided before a restart is still the last that is known; what was under way then is not followed any more.
    for (const entry of given.rows.last(100).map(entryOf)) {
      if (entry.kind !== 'decided') continue;
      this.latest = entry;
      if (entry.actions.length > 0) this.lastAction = entry;
    }
  }

  happened(event: QosEvent): void {
    if (event.type === 'decided') this.#decided(event);
    else if (event.type === 'concluded') this.#concluded(event);
    else if (event.type === 'round-lost')
      this.#write([{ kind: 'lost', round: event.round, atMs: this.#given.nowMs() }]);
  }

  /** The latest entries, the oldest of them first. */
  list({ about, last }: ExplainOptions): DecisionEntry[] {
    return this.#given.rows.last(last, about).map(entryOf);
  }

  #decided({ decision, p50Ms, p95Ms }: Decided): void {
    const { round, figures, cost, servers, coverage, met, reason, actions } = decision;
    const atMs = this.#given.nowMs();
    const { clients, meanMs, overShare, answeredShare } = figures;
    const told: FarmFigures = {
      clients,
      meanMs: orNull(meanMs),
      p50Ms: orNull(p50Ms),
      p95Ms: orNull(p95Ms),
      overShare,
      answeredShare,
    };
    const before = this.latest;
    const isSame =
      before !== null &&
      before.actions.length + actions.length === 0 &&
      before.reason === reason &&
      before.servers === servers;
    const entry: Decision = {
      kind: 'decided',
      round,
      atMs,
      figures: told,
      servers,
      coverage,
      requirement: this.#given.requirement,
      cost,
      met,
      reason,
      actions: actions.map((action) => this.#actionOf(action, clients)),
      next: null,
      sinceMs: isSame ? before.sinceMs : atMs,
      before: isSame ? before.before + 1 : 0,
    };
    const changed: Decision[] = [entry];
    if (before !== null && before.next === null && !isSame)
      changed.unshift({ ...before, next: { round, atMs, figures: told, servers, met } });
    this.#write(changed, isSame ? [before.round] : []);
    for (const decided of changed) this.#remember(decided);
  }

  #actionOf({ action, server, candidates, leaves, change }: Action, clients: number): DecidedAction {
    const nameOf = this.#given.peerIdOf;
    return {
      action,
      server: nameOf(server),
      candidates: candidates.map(nameOf),
      leaves: leaves === NOBODY ? null : nameOf(leaves),
      expected: change / Math.max(1, clients),
      outcome: null,
    };
  }

  #concluded({ round, action, peer, worked }: Concluded): void {
    const { peerIdOf, nowMs } = this.#given;
    const about = this.latest?.round === round ? this.latest : this.lastAction;
    if (about === null || about.round !== round) return;
    const asked = action.candidates.map(peerIdOf).join();
    const at = about.actions.findIndex(
      ({ server, candidates, outcome }) =>
        outcome === null && server === peerIdOf(action.server) && candidates.join() === asked,
    );
    const outcome = { worked, peer: peer === NOBODY ? null : peerIdOf(peer), atMs: nowMs() };
    const actions = about.actions.map((known, i) => (i === at ? { ...known, outcome } : known));
    const entry = { ...about, actions };
    this.#write([entry]);
    this.#remember(entry);
  }

  #remember(entry: Decision): void {
    if (this.latest === null || entry.round >= this.latest.round) this.latest = entry;
    if (entry.actions.length > 0 && (this.lastAction === null || entry.round >= this.lastAction.round))
      this.lastAction = entry;
  }

  #write(entries: readonly DecisionEntry[], without: readonly number[] = []): void {
    try {
      this.#given.rows.put(entries.map(rowOf), without);
    } catch (error) {
      this.#given.failed(error instanceof Error ? error.message : String(error));
    }
  }
}

function rowOf(entry: DecisionEntry): DecisionRow {
  const names = entry.kind === 'decided' ? entry.actions.map(({ action }) => action) : [];
  return { round: entry.round, actions: [...new Set(names)].join(' '), body: JSON.stringify(entry) };
}

function entryOf({ body }: DecisionRow): DecisionEntry {
  return JSON.parse(body) as DecisionEntry;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
