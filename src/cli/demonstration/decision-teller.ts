/** The root's decisions as sentences for the person who watches, each told once: peers by their cities, figures in a few words. */
import type { DecidedAction, Decision, DecisionEntry } from '../../host/index.ts';

export class DecisionTeller {
  readonly #nameOf: (peerId: string) => string;
  #round = 0;
  #met = false;
  #hasActed = false;
  /** When the root last found the requirement met, with others serving beside it, ms since 1970; NaN before. */
  metAtMs = Number.NaN;
  /**
   * What the root read in its rounds so far, the mean delay over the farm, ms: when it first gave an order, the least, and the last; null
   * before.
   */
  readonly delayMs: { first: number | null; least: number | null; last: number | null } = {
    first: null,
    least: null,
    last: null,
  };
  /** Volunteers that were ordered to serve and did. */
  promotions = 0;
  readonly #concluded = new Set<string>();

  constructor(nameOf: (peerId: string) => string) {
    this.#nameOf = nameOf;
  }

  /** What is new in the latest entries, the oldest of them first. */
  newsOf(entries: readonly DecisionEntry[]): string[] {
    const news: string[] = [];
    for (const entry of entries) {
      if (entry.kind !== 'decided') continue;
      if (entry.met && entry.servers > 1) this.metAtMs = entry.atMs;
      if (entry.round > this.#round) {
        this.#round = entry.round;
        this.#read(entry);
        news.push(...this.#tell(entry));
      }
      entry.actions.forEach((action, i) => {
        const key = `${entry.round}/${i}`;
        if (action.outcome === null || this.#concluded.has(key)) return;
        this.#concluded.add(key);
        if (action.action !== 'retire' && action.outcome.peer !== null && action.outcome.worked) this.promotions++;
        news.push(this.#outcomeOf(action));
      });
    }
    return news;
  }

  #read({ figures: { meanMs }, actions }: Decision): void {
    if (meanMs === null) return;
    const { first, least } = this.delayMs;
    if (first === null && actions.length === 0) return; // hardly anybody is there yet
    this.delayMs.first ??= meanMs;
    this.delayMs.least = Math.min(least ?? meanMs, meanMs);
    this.delayMs.last = meanMs;
  }

  /** A round in which something was done, or from which on the requirement is met or missed. */
  #tell(decision: Decision): string[] {
    const { figures, requirement, met, actions } = decision;
    // Before anything was done there is little to tell: hardly anybody is there yet.
    this.#hasActed ||= actions.length > 0;
    const changed = met !== this.#met && this.#hasActed;
    this.#met = met;
    if (figures.meanMs === null || (actions.length === 0 && !changed)) return [];
    const state = met ? 'met' : 'missed';
    const deeds = actions.map((action) => this.#deedOf(action)).join(', ');
    return [
      `The root measured a mean delay of ${figures.meanMs.toFixed(0)} ms over ${figures.clients} peers; ` +
        `${requirement.meanMs} ms are required: ${state}.` +
        (deeds === '' ? '' : ` It orders: ${deeds}.`),
    ];
  }

  #deedOf({ action, server, candidates, leaves }: DecidedAction): string {
    const [first = ''] = candidates;
    if (action === 'retire') return `${this.#nameOf(server)} may stop serving`;
    const serve = `${this.#nameOf(first)} shall serve`;
    return action === 'move' ? `${serve}, so that ${this.#nameOf(leaves ?? server)} may go` : serve;
  }

  #outcomeOf({ action, candidates, outcome }: DecidedAction): string {
    const { worked = false, peer = null } = outcome ?? {};
    if (peer === null) return `${this.#nameOf(candidates[0] ?? '')} did not become a server.`;
    if (action === 'retire') return `${this.#nameOf(peer)} ${worked ? 'has stopped' : 'did not stop'} serving.`;
    return `${this.#nameOf(peer)} serves.`;
  }
}
