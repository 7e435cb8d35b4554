/**
 * Finds dead servers that no parent has buried.
 *
 * A parent writes `gone` for a child it loses; when parent and child die together, neither is written off. So every server looks now and
 * then for records that name it as the parent of a child it does not have, and the root for records whose parents do not lead up to it. A
 * record that stays so for several beats is written off. A subject that lives refutes that at once with a higher incarnation.
 */
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord } from '../messages/index.ts';
import type { Parts } from '../parts.ts';

const lookEveryBeats = 5;
const looksBeforeGone = 3;
/** Bounds the walk up: no tree of servers is that high. */
const mostLevels = 1_000;

export class Sweep {
  readonly #parts: Parts;
  readonly #missing = new Map<PeerHandle, number>();
  #beat = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  beat(): void {
    if (++this.#beat % lookEveryBeats !== 0) return;
    const { membership } = this.#parts;
    const overdue: PeerHandle[] = [];
    for (const record of membership.records()) {
      if (!this.#isMissing(record)) {
        this.#missing.delete(record.subject);
        continue;
      }
      const looks = (this.#missing.get(record.subject) ?? 0) + 1;
      this.#missing.set(record.subject, looks);
      if (looks >= looksBeforeGone) overdue.push(record.subject);
    }
    for (const subject of overdue) {
      this.#missing.delete(subject);
      membership.declareOther(subject, 'gone');
    }
  }

  #isMissing({ subject, state, parent }: MemberRecord): boolean {
    const { ctx, servers } = this.#parts;
    if (subject === ctx.self || state === 'gone' || state === 'excluded') return false;
    if (parent === ctx.self) return servers.child(subject) === null;
    if (!ctx.authority.leads()) return false;
    return !this.#leadsToRoot(parent);
  }

  /**
   * Whether the parents that records name lead to this root. A server that names itself, or servers that name each other in a ring, have no
   * way up. An ancestor that is gone is left to the servers right below it.
   */
  #leadsToRoot(parent: PeerHandle): boolean {
    const { ctx, membership } = this.#parts;
    let at = parent;
    for (let steps = 0; steps <= mostLevels && at !== ctx.self; steps++) {
      const above = membership.get(at);
      if (above === null || above.state === 'gone' || above.state === 'excluded') return steps > 0;
      at = above.parent;
    }
    return at === ctx.self;
  }
}
