/**
 * Finding the dead that nobody buried.
 *
 * A parent writes `gone` for a child it loses. When parent and child die together, nobody would. So every server looks now and
 * then for records that name it as the parent of one it does not have, and the root for records whose parents do not lead
 * up to it. What stays so for several beats is written off; a living subject outbids that at once with a higher incarnation.
 */
import type { PeerHandle } from '../ids.ts';
import type { MemberRecord } from '../messages/index.ts';
import type { Parts } from '../parts.ts';

const lookEveryBeats = 5;
const looksBeforeGone = 3;
/** No tree of servers is that high. */
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
   * Whether the parents that records name end at this root. Who names itself, or each other in a ring, hangs nowhere. One farther up that
   * is gone is the matter of those right below it.
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
