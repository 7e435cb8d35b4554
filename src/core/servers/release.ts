/**
 * Which release of the service is current, and which one this peer has.
 *
 * The root's notice reaches all peers by multicast. Servers then take the bytes from their parent, so a release flows down the tree of
 * servers. A server that was away asks its parent after every repair. Failed transfers are retried with growing pauses, from another source
 * the second time; the old release is served meanwhile.
 *
 * Source: P2P Volunteers, sections 3.4.3 (service update) and 3.4.1 (failure recovery).
 */
import { invariant } from '../invariant.ts';
import type { Context } from '../context.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { ReleaseNotice } from '../messages/index.ts';

const mostPauseBeats = 30;

export interface Sources {
  /** Servers to take a release from, the first choice first. */
  releaseSources(): readonly PeerHandle[];
}

export class Releases {
  readonly #ctx: Context;
  #latest: ReleaseNotice | null = null;
  /** The number of the release it holds; 0 for none. */
  installedNumber = 0;
  #transferring = false;
  #failures = 0;
  #pauseBeats = 0;
  readonly #sources: Sources;

  constructor(ctx: Context, sources: Sources) {
    this.#ctx = ctx;
    this.#sources = sources;
  }

  /** The newest release this peer knows of. */
  get latest(): ReleaseNotice | null {
    return this.#latest;
  }

  #note(notice: ReleaseNotice): void {
    invariant(this.#latest === null || notice.number >= this.#latest.number, 'the newest release known never falls');
    this.#latest = notice;
    this.#ctx.releaseNumber = notice.number;
  }

  get upToDate(): boolean {
    return this.latest === null || this.installedNumber >= this.latest.number;
  }

  /** Root: signs and remembers the notice of a release it has installed. */
  publish(number: number, digest: Uint8Array, sizeBytes: number): ReleaseNotice {
    const { self, authority } = this.#ctx;
    const { standing } = authority;
    const notice = this.#ctx.signed<ReleaseNotice>({
      type: 'release',
      number,
      digest,
      sizeBytes,
      issuer: self,
      standing,
    });
    this.#note(notice);
    this.installedNumber = number;
    this.#ctx.world.persist({ type: 'release', notice, installed: true });
    return notice;
  }

  /** Processes a notice. False when it is old, forged, or below the present standing. */
  learn(notice: ReleaseNotice): boolean {
    if (this.latest !== null && notice.number <= this.latest.number) return false;
    const { authority } = this.#ctx;
    if (!authority.maySign(notice, notice.issuer) || !this.#ctx.world.verify(notice)) {
      this.#ctx.world.tell({
        type: 'refused',
        peer: notice.issuer,
        what: `a false notice of release ${notice.number}`,
      });
      return false;
    }
    if (!authority.acknowledges(notice)) {
      this.#ctx.world.tell({
        type: 'refused',
        peer: notice.issuer,
        what: `a notice of release ${notice.number} under an older term`,
      });
      return false;
    }
    this.#note(notice);
    this.#failures = 0;
    this.#pauseBeats = 0;
    this.#ctx.world.persist({ type: 'release', notice, installed: this.installedNumber >= notice.number });
    this.#ctx.world.tell({ type: 'release-learned', notice });
    return true;
  }

  /** Fetches the latest release if it is missing and nothing is under way. */
  fetch(): void {
    if (this.upToDate || this.#transferring || this.latest === null) return;
    if (this.#pauseBeats > 0) {
      this.#pauseBeats--;
      return;
    }
    const sources = this.#sources.releaseSources();
    const from = sources[this.#failures % Math.max(1, sources.length)] ?? NOBODY;
    if (from === NOBODY) return;
    invariant(from !== this.#ctx.self, 'nobody fetches a release from itself');
    this.#transferring = true;
    this.#ctx.world.transfer(this.latest, from);
  }

  /** There is a new source: the pause before the next try ends. */
  retryNow(): void {
    this.#failures = 0;
    this.#pauseBeats = 0;
  }

  installed(notice: ReleaseNotice): void {
    this.#transferring = false;
    this.#failures = 0;
    if (notice.number <= this.installedNumber) return;
    this.installedNumber = notice.number;
    if (this.latest === null || this.latest.number < notice.number) this.#note(notice);
    this.#ctx.world.persist({ type: 'release', notice, installed: true });
    this.#ctx.world.tell({ type: 'release-installed', number: notice.number });
  }

  failed(): void {
    this.#transferring = false;
    this.#failures++;
    this.#pauseBeats = Math.min(mostPauseBeats, 2 ** this.#failures);
  }

  restore(notice: ReleaseNotice, installed: boolean): void {
    if (this.latest === null || notice.number >= this.latest.number) this.#note(notice);
    if (installed) this.installedNumber = Math.max(this.installedNumber, notice.number);
  }
}
