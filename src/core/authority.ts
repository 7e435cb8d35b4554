/**
 * Who may tell others what to do: whom the charter names, who leads now, and how far authority has moved on.
 *
 * All machines ask here instead of comparing peers themselves, so that a rule such as "only the leader opens rounds" stands once.
 * Today the peer that the charter names leads, always. When an acting root leads in its absence, the two answers part: orders, stamps,
 * burials and admissions are the leader's, release notices and exclusions stay with the named root.
 *
 * The *standing* (charter, epoch, term) works like a ratchet, or like the fencing tokens of a lock service: a peer keeps the highest that
 * it has seen in a statement it verified, writes it down, and refuses what was signed below it.
 */
import { invariant } from './invariant.ts';
import { NOBODY, compareStanding, firstStanding } from './ids.ts';
import type { PeerHandle, Standing } from './ids.ts';
import type { Context } from './context.ts';
import type { MemberRecord, Order, ReleaseNotice, Statement } from './messages/index.ts';

/** What the right to sign a statement depends on. */
type Claim = Pick<ReleaseNotice, 'type'> | Pick<Order, 'type'> | Pick<MemberRecord, 'type' | 'state'>;

export class Authority {
  readonly #ctx: Context;
  /** The service's root, as the charter names it; NOBODY before the peer knows the service. */
  #rootPeer: PeerHandle = NOBODY;
  #standing: Standing = firstStanding;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The charter names this peer as the service's root. */
  name(rootPeer: PeerHandle): void {
    this.#rootPeer = rootPeer;
  }

  /** The highest standing seen in a statement of whoever led. */
  get standing(): Standing {
    return this.#standing;
  }

  set standing(standing: Standing) {
    invariant(compareStanding(standing, this.#standing) >= 0, 'standing never falls');
    this.#standing = standing;
  }

  /** The charter is known. */
  get isKnown(): boolean {
    return this.#rootPeer !== NOBODY;
  }

  /** Whether the charter names this very peer. */
  get isNamed(): boolean {
    return this.#rootPeer === this.#ctx.self;
  }

  /** Whose orders count now, who hears reports and grants' outcomes; NOBODY before the peer knows the service. */
  get leader(): PeerHandle {
    return this.#rootPeer;
  }

  /** The origin of the tree of servers, which stamps it: whoever leads. Orphans find a place there when all others are gone. */
  get origin(): PeerHandle {
    return this.leader;
  }

  /** Whether this peer leads now: it buries, runs the controller, lets in, and hears reports. One that has left the farm does not. */
  leads(): boolean {
    return this.leader === this.#ctx.self && this.#ctx.role !== 'outside';
  }

  isLeader(peer: PeerHandle): boolean {
    return peer === this.leader;
  }

  /**
   * Whether `issuer` may sign such a statement by its office. What a peer says of itself, and a parent of its children, is judged by
   * the membership; whether the signature holds, by `World.verify`.
   */
  maySign(statement: Claim, issuer: PeerHandle): boolean {
    switch (statement.type) {
      case 'release':
        return issuer === this.#rootPeer;
      case 'order':
        return this.isLeader(issuer);
      case 'member':
        if (statement.state === 'excluded') return issuer === this.#rootPeer;
        return statement.state === 'gone' && this.isLeader(issuer);
    }
  }

  /** Whether a credential that `issuer` signed lets its bearer in. */
  mayIssue(issuer: PeerHandle): boolean {
    return issuer !== NOBODY && this.isLeader(issuer);
  }

  /** Takes note of a verified statement's standing. False when it is below the highest seen. */
  acknowledges({ issuer, standing }: Statement): boolean {
    const order = compareStanding(standing, this.standing);
    if (order > 0 && this.isLeader(issuer)) {
      const { charter, epoch, term } = standing;
      this.standing = { charter, epoch, term };
      this.#ctx.world.persist({ type: 'standing', charter, epoch, term });
    }
    return order >= 0;
  }
}
