/**
 * How a client becomes a server: by volunteering or on the root's order, and always by consent.
 *
 * A willing client tells its server its limits. The server offers the release to the next volunteer, one or two at a time, with a signed
 * order. The volunteer consents or declines; after a refusal the next candidate is asked. When the bytes are verified and installed, the
 * volunteer joins the tree of servers under the server that sent them, and keeps its client children.
 *
 * Source: P2P Volunteers, section 3.4.2 (service volunteer, server transmit).
 */
import type { Context } from '../context.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type { Answer, DeclineReason, Limits, Offer, Order, ReleaseNotice, Volunteer } from '../messages/index.ts';
import type { Releases } from './release.ts';

/** One grant of the root: candidates in order, the first of which is being asked. */
interface Granting {
  readonly number: number;
  readonly orders: Order[];
  offeredAtMs: number;
  taken: boolean;
}

interface Candidate {
  readonly peer: PeerHandle;
  limits: Limits;
  /** Offered at this time, ms; NaN while it waits. */
  offeredAtMs: number;
  taken: boolean;
}

const offersAtOnce = 2;
/** An offer is answered within this many beats, or the next candidate is asked. */
const answerBeats = 5;
/**
 * A volunteer that took an offer repeats its answer at this rate, in beats, and is given up after the second number of beats in silence.
 */
const wordBeats = 4;
const transferBeats = 20;
const mostVolunteers = 1_024;
/** A volunteer repeats its offer at this rate, in beats, until it is asked. */
const repeatBeats = 4;

export class Promotion {
  readonly #ctx: Context;
  readonly #releases: Releases;
  readonly #isChild: (peer: PeerHandle) => boolean;
  readonly #volunteers: Candidate[] = [];
  /** Client: the offer that was accepted. */
  taken: { readonly notice: ReleaseNotice; readonly from: PeerHandle } | null = null;
  /** Volunteers wait until the root orders one of them to serve, instead of being asked as soon as they offer. */
  onOrderOnly = false;
  /** Server: grants of the root that are not over yet. */
  #grants: Granting[] = [];
  /** A grant is over: the peer that serves now, or NOBODY. */
  onGranted: (number: number, peer: PeerHandle) => void = () => {};
  /** A candidate declined, or did not answer. */
  onDeclined: (peer: PeerHandle) => void = () => {};
  /** Volunteer: the number of clients that this machine is known to manage, from earlier service; 0 = not known. */
  managed = 0;
  #beatsUntilRepeat = 0;
  #beatsAtIt = 0;

  /** `isChild`: whether a peer hangs right below this one in its client tree. */
  constructor(ctx: Context, releases: Releases, isChild: (peer: PeerHandle) => boolean) {
    this.#ctx = ctx;
    this.#isChild = isChild;
    this.#releases = releases;
  }

  // --- The server's side ---------------------------------------------------------------------------------------------

  volunteered(from: PeerHandle, { limits }: Volunteer): void {
    const known = this.#volunteers.find((candidate) => candidate.peer === from);
    if (known !== undefined) {
      known.limits = limits;
      // A peer whose transfer runs does not volunteer, so its last answer was lost.
      if (known.taken) known.offeredAtMs = Number.NaN;
      known.taken = false;
    } else if (this.#volunteers.length < mostVolunteers) {
      this.#volunteers.push({ peer: from, limits, offeredAtMs: Number.NaN, taken: false });
    }
    this.offerNext();
  }

  /** Clients that a volunteer would take; 0 = any number, or not known. */
  placesOf(peer: PeerHandle): number {
    return this.#volunteers.find((candidate) => candidate.peer === peer)?.limits.clients ?? 0;
  }

  /** Asks the next volunteers; called on every beat and after every answer. */
  offerNext(): void {
    const { latest } = this.#releases;
    if (!this.#ctx.isServer() || this.#ctx.draining || latest === null || !this.#releases.upToDate) return;
    this.#forgetSilent();
    if (this.onOrderOnly) return;
    let open = this.#volunteers.filter((candidate) => candidate.offeredAtMs >= 0).length;
    while (open < offersAtOnce) {
      const candidate = this.#nextVolunteer();
      if (candidate === undefined) break;
      const { storageBytes } = candidate.limits;
      if (storageBytes > 0 && storageBytes < latest.sizeBytes) {
        this.#decline(candidate.peer, 'storage');
        continue;
      }
      candidate.offeredAtMs = this.#ctx.nowMs;
      open++;
      const { self } = this.#ctx;
      const { standing } = this.#ctx.authority;
      const order = this.#ctx.signed<Order>({
        type: 'order',
        action: 'serve',
        subject: candidate.peer,
        releaseNumber: latest.number,
        issuer: self,
        standing,
      });
      this.#ctx.world.send(candidate.peer, { kind: 'offer', order, notice: latest });
    }
  }

  /**
   * The next volunteer to ask. One child that waits is asked beside all others, so that peers elsewhere in the farm delay it by no more
   * than the offer under way; the rest are asked in the order in which they volunteered.
   */
  #nextVolunteer(): Candidate | undefined {
    const waiting = this.#volunteers.filter(({ offeredAtMs }) => !(offeredAtMs >= 0));
    const isChildAsked = this.#volunteers.some(({ peer, offeredAtMs }) => offeredAtMs >= 0 && this.#isChild(peer));
    return (isChildAsked ? undefined : waiting.find(({ peer }) => this.#isChild(peer))) ?? waiting[0];
  }

  /** The root ordered that one of these shall serve. */
  granted(number: number, orders: readonly Order[]): void {
    this.#grants.push({ number, orders: [...orders], offeredAtMs: Number.NaN, taken: false });
    this.#askGranted();
  }

  /** Asks the first candidate of each grant that has not been asked yet. A grant without candidates is over. */
  #askGranted(): void {
    const { latest } = this.#releases;
    const { self, nowMs, draining } = this.#ctx;
    for (const grant of [...this.#grants]) {
      if (grant.offeredAtMs >= 0) continue;
      const [order] = grant.orders;
      if (order === undefined || draining || latest === null) {
        this.#concludeGrant(grant, NOBODY);
      } else if (this.#releases.upToDate && order.subject !== self) {
        grant.offeredAtMs = nowMs;
        this.#ctx.world.send(order.subject, { kind: 'offer', order, notice: latest });
      }
    }
  }

  #concludeGrant(grant: Granting, peer: PeerHandle): void {
    this.#grants = this.#grants.filter((other) => other !== grant);
    this.onGranted(grant.number, peer);
  }

  /** Processes the answer of a candidate of a grant; false when the peer is none. */
  #grantAnswered(from: PeerHandle, { verdict, reason }: Answer): boolean {
    const grant = this.#grants.find(({ orders, offeredAtMs }) => orders[0]?.subject === from && offeredAtMs >= 0);
    if (grant === undefined) return false;
    if (verdict === 'serving') {
      this.#forget(from);
      this.#concludeGrant(grant, from);
    } else if (verdict === 'taken') {
      grant.taken = true;
      grant.offeredAtMs = this.#ctx.nowMs;
    } else {
      this.#nextGranted(grant, reason ?? 'not-willing');
    }
    return true;
  }

  #nextGranted(grant: Granting, reason: DeclineReason): void {
    const order = grant.orders.shift();
    grant.offeredAtMs = Number.NaN;
    grant.taken = false;
    if (order !== undefined) this.#decline(order.subject, reason);
    this.#askGranted();
  }

  answered(from: PeerHandle, answer: Answer): void {
    if (this.#grantAnswered(from, answer)) return;
    const candidate = this.#volunteers.find((known) => known.peer === from);
    if (candidate === undefined) return;
    if (answer.verdict === 'taken') {
      candidate.taken = true;
      candidate.offeredAtMs = this.#ctx.nowMs;
      return;
    }
    if (answer.verdict === 'declined') this.#decline(from, answer.reason ?? 'not-willing');
    else this.#forget(from);
    this.offerNext();
  }

  /** The connection to a peer is gone: if it was asked to serve, the next candidate is asked. */
  lost(peer: PeerHandle): void {
    const isAsked = this.#volunteers.some((known) => known.peer === peer && known.offeredAtMs >= 0);
    if (isAsked) this.#decline(peer, 'busy');
    const grant = this.#grants.find(({ orders, offeredAtMs }) => orders[0]?.subject === peer && offeredAtMs >= 0);
    if (grant !== undefined) this.#nextGranted(grant, 'busy');
  }

  #decline(peer: PeerHandle, reason: DeclineReason): void {
    this.#forget(peer);
    this.#ctx.world.tell({ type: 'offer-declined', candidate: peer, reason });
    this.onDeclined(peer);
  }

  #forget(peer: PeerHandle): void {
    const index = this.#volunteers.findIndex((candidate) => candidate.peer === peer);
    if (index >= 0) this.#volunteers.splice(index, 1);
  }

  #forgetSilent(): void {
    for (const { peer, offeredAtMs, taken } of [...this.#volunteers]) {
      const limitMs = (taken ? transferBeats : answerBeats) * this.#ctx.intervalMs;
      if (offeredAtMs >= 0 && this.#ctx.nowMs - offeredAtMs > limitMs) this.#decline(peer, 'busy');
    }
    for (const grant of [...this.#grants]) {
      const limitMs = (grant.taken ? transferBeats : answerBeats) * this.#ctx.intervalMs;
      if (grant.offeredAtMs >= 0 && this.#ctx.nowMs - grant.offeredAtMs > limitMs) this.#nextGranted(grant, 'busy');
    }
    this.#askGranted();
  }

  // --- The volunteer's side --------------------------------------------------------------------------------------------

  /** Called on every beat: tells the server that made the offer that the transfer, or the step into the tree of servers, goes on. */
  beat(): void {
    if (this.taken === null || ++this.#beatsAtIt % wordBeats !== 0) return;
    this.#ctx.world.send(this.taken.from, { kind: 'answer', verdict: 'taken', reason: null });
  }

  /** Called on every beat of a client; tells its server that it is willing. */
  remind(server: PeerHandle): void {
    const { limits, reachable, role, draining } = this.#ctx;
    if (limits === null || !reachable || role !== 'client' || draining || this.taken !== null || server === NOBODY)
      return;
    if (this.#beatsUntilRepeat-- > 0) return;
    this.#beatsUntilRepeat = repeatBeats;
    const { clients } = limits;
    const managed = this.managed > 0 && (clients === 0 || this.managed < clients);
    this.#ctx.world.send(server, {
      kind: 'volunteer',
      limits: managed ? { ...limits, clients: this.managed } : limits,
      credential: this.#ctx.shownCredential,
    });
  }

  /** An offer came. Consents and starts the transfer, or declines with the reason. */
  offered(from: PeerHandle, { order, notice }: Offer): void {
    const refusal = this.#refusal(from, order, notice);
    if (refusal !== null) {
      this.#ctx.world.send(from, { kind: 'answer', verdict: 'declined', reason: refusal });
      return;
    }
    this.taken = { notice, from };
    this.#beatsAtIt = 0;
    this.#releases.learn(notice);
    this.#ctx.world.send(from, { kind: 'answer', verdict: 'taken', reason: null });
    this.#ctx.world.transfer(notice, from);
  }

  /** An offer from a peer that may not make one, or no longer: it is told at once, so that it does not wait. */
  refuse(from: PeerHandle): void {
    this.#ctx.world.tell({ type: 'refused', peer: from, what: 'an offer by a peer that is not its server' });
    this.#ctx.world.send(from, { kind: 'answer', verdict: 'declined', reason: 'not-willing' });
  }

  #refusal(from: PeerHandle, order: Order, notice: ReleaseNotice): DeclineReason | null {
    const { limits, self, role, reachable, authority, world } = this.#ctx;
    const genuine =
      order.action === 'serve' &&
      order.subject === self &&
      (order.issuer === from || authority.maySign(order, order.issuer)) &&
      order.releaseNumber <= notice.number &&
      authority.maySign(notice, notice.issuer) &&
      world.verify(order) &&
      world.verify(notice) &&
      authority.acknowledges(notice) &&
      authority.acknowledges(order);
    if (!genuine) {
      world.tell({ type: 'refused', peer: from, what: 'an order to serve that is not genuine' });
      return 'not-willing';
    }
    if (limits === null || this.#ctx.draining) return 'not-willing';
    if (role !== 'client' || this.taken !== null) return 'busy';
    if (!reachable) return 'not-reachable';
    return limits.storageBytes > 0 && limits.storageBytes < notice.sizeBytes ? 'storage' : null;
  }

  /** The transfer, or the step into the tree of servers, came to an end. */
  concluded(reason: DeclineReason | null): void {
    if (this.taken === null) return;
    const { from } = this.taken;
    this.taken = null;
    this.#beatsUntilRepeat = repeatBeats * 4;
    this.#ctx.world.send(from, { kind: 'answer', verdict: reason === null ? 'serving' : 'declined', reason });
  }
}
