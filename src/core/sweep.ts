/**
 * Finding the dead that nobody buried.
 *
 * A parent writes `gone` for a child it loses. When parent and child die together, nobody would. So every server looks now and
 * then for records that name it as the parent of one it does not have, and the root for records whose parent is no longer a
 * server. What stays so for several beats is written off; a living subject outbids that at once with a higher incarnation.
 */
import type { PeerHandle } from './ids.ts';
import type { MemberRecord } from './messages.ts';
import type { Parts } from './parts.ts';

const lookEveryBeats = 5;
const looksBeforeGone = 3;

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
    const { ctx, servers, membership } = this.#parts;
    if (subject === ctx.self || state === 'gone' || state === 'excluded') return false;
    if (parent === ctx.self) return servers.child(subject) === null;
    if (ctx.role !== 'root') return false;
    const above = membership.get(parent)?.state ?? 'gone';
    return above === 'gone' || above === 'excluded';
  }
}
