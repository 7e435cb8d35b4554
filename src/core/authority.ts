/**
 * Authority: which peer the charter names as root, which peer leads now, and the newest standing that this peer has verified.
 *
 * All state machines ask here instead of comparing peers themselves, so that a rule such as "only the leader opens rounds" stands once.
 * Today the peer that the charter names always leads. When an acting root leads in its absence, the two answers will differ: orders,
 * stamps, burials and admissions belong to the leader, release notices and exclusions to the named root.
 *
 * The *standing* (charter, epoch, term) only rises, like the fencing tokens of a lock service. A peer keeps the highest standing that it
 * has seen in a verified statement, writes it down, and refuses statements signed below it.
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

  /** The highest standing seen in a verified statement of a leader. */
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

  /** The peer whose orders count now, and which receives reports and the outcomes of grants; NOBODY before the peer knows the service. */
  get leader(): PeerHandle {
    return this.#rootPeer;
  }

  /** The origin of the tree of servers, which stamps it: the leader. An orphan asks it when all other candidates are gone. */
  get origin(): PeerHandle {
    return this.leader;
  }

  /**
   * Whether this peer leads now: the leader buries, runs the controller, admits peers, and receives reports. A root that left does not
   * lead.
   */
  leads(): boolean {
    return this.leader === this.#ctx.self && this.#ctx.role !== 'outside';
  }

  isLeader(peer: PeerHandle): boolean {
    return peer === this.leader;
  }

  /**
   * Whether the office of `issuer` allows it to sign such a statement. The membership judges what a peer says of itself and what a parent
   * says of its children; `World.verify` checks the signature.
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

  /** Whether a credential that `issuer` signed admits its bearer. */
  mayIssue(issuer: PeerHandle): boolean {
    return issuer !== NOBODY && this.isLeader(issuer);
  }

  /** Notes the standing of a verified statement. False when it is below the highest seen. */
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
