/**
 * Plays a schedule: builds the farm, does the deeds, stops all faults, restarts dead peers, and reports how the farm recovered.
 *
 * Peers lie at random places of a square of 100 ms, so round trips go from 5 to 146 ms; heartbeats are 1 s. After the deeds the faults
 * stop, every peer that is dead or has left comes back (except liars that are to stay away), and the farm has a stated time to become
 * whole.
 */
import type { PeerHandle, Rules, TreeOptions } from '../src/core/index.ts';
import { Quality, defaultQosOptions } from '../src/qos/index.ts';
import type { QosEvent, QosOptions } from '../src/qos/index.ts';
import { noForgery } from './checkers/genuine.ts';
import { risingIncarnations } from './checkers/incarnations.ts';
import type { IncarnationChecker } from './checkers/incarnations.ts';
import { noLoop } from './checkers/loops.ts';
import { membershipAgrees } from './checkers/membership.ts';
import { shedByTheFull } from './checkers/sheds.ts';
import type { ShedsChecker } from './checkers/sheds.ts';
import { madeBeforeBroken } from './checkers/moves.ts';
import type { MovesChecker } from './checkers/moves.ts';
import { onceInOrder } from './checkers/multicast.ts';
import type { MulticastChecker } from './checkers/multicast.ts';
import { belowReachable } from './checkers/reachable.ts';
import { roundsOnce } from './checkers/rounds.ts';
import type { RoundsChecker } from './checkers/rounds.ts';
import { isWhole, misplaced } from './checkers/structure.ts';
import { strayViews } from './checkers/views.ts';
import { idleVolunteers } from './checkers/volunteers.ts';
import { SimulatedFarm, generous, handle } from './farm.ts';
import type { Checker } from './checkers/checker.ts';
import { Liars } from './liars.ts';
import { Random } from './random.ts';
import type { Deed, Schedule } from './schedule.ts';
import { Queues } from './queues.ts';
import { addUser } from './users.ts';
import { overTheWire } from './wire-way.ts';

export interface StageOptions {
  readonly rules?: Rules;
  readonly tree?: Partial<TreeOptions>;
  readonly qos?: Partial<QosOptions>;
  /** Checkers beyond the usual ones. */
  readonly checkers?: readonly Checker[];
  /** Called with the farm before anything happens in it. */
  readonly prepare?: (farm: SimulatedFarm) => void;
  /** Peers that are dead or have left stay away. */
  readonly bury?: boolean;
  /** Heartbeats without faults after which a farm that is not whole is given up. */
  readonly patience?: number;
}

export interface Outcome {
  readonly farm: SimulatedFarm;
  readonly multicast: MulticastChecker;
  readonly rounds: RoundsChecker;
  readonly moves: MovesChecker;
  readonly sheds: ShedsChecker;
  /** Heartbeats from the end of the faults until every peer was in exactly one place; infinity if never. */
  readonly wholeAfterBeats: number;
  /** Heartbeats from then until all servers had the same membership, naming exactly the living servers, and every volunteer served. */
  readonly agreedAfterBeats: number;
  /** Sentences about what is wrong: violated invariants, and who is where it should not be. Empty when all is well. */
  readonly complaints: readonly string[];
}

export const beatMs = 1_000;
/** A farm that is not whole after the first number of heartbeats without faults is late; after the second it is given up. */
export const patienceBeats = 120;
const lastPatienceBeats = 600;
/** Time for messages that are still on their way, such as the last multicast. */
const lastWordsBeats = 30;

const root = handle(0);

/** A peer that throws breaks a rule that holds for all: whatever a peer hears, it goes on. */
export function play(schedule: Schedule, options: StageOptions = {}): Outcome {
  const stage = new Stage(schedule, options);
  try {
    stage.play();
  } catch (error) {
    const [first = '', where = ''] = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split(
      '\n',
    );
    stage.complaints.push(`at ${stage.farm.nowMs} ms a peer threw ${first} ${where.trim()}`);
  }
  return stage;
}

class Stage implements Outcome {
  readonly farm: SimulatedFarm;
  readonly multicast: MulticastChecker;
  readonly rounds: RoundsChecker;
  readonly moves: MovesChecker;
  readonly sheds: ShedsChecker;
  wholeAfterBeats = Number.POSITIVE_INFINITY;
  agreedAfterBeats = Number.POSITIVE_INFINITY;
  readonly complaints: string[] = [];
  readonly #schedule: Schedule;
  readonly #options: StageOptions;
  readonly #liars: Liars;
  readonly #incarnations: IncarnationChecker;

  constructor(schedule: Schedule, options: StageOptions) {
    this.#schedule = schedule;
    this.#options = options;
    const { seed, peers, lies, service, encodedShare = 0 } = schedule;
    this.farm = this.#buildFarm();
    const { farm } = this;
    this.#liars = new Liars(farm, new Random(seed ^ 0x6c69_6172), peers, lies?.liars ?? [], lies?.share ?? 0);
    const isLiar = (peer: PeerHandle): boolean => this.#liars.has(peer);
    this.multicast = onceInOrder(isLiar);
    this.rounds = roundsOnce(isLiar);
    this.moves = madeBeforeBroken();
    this.sheds = shedByTheFull();
    this.#incarnations = risingIncarnations(isLiar);
    farm.checkers.push(this.multicast, noForgery(isLiar), this.#incarnations);
    // While a peer lies, there may be a loop among those that believe it, and a peer may pass for what it is not.
    if (lies == null) farm.checkers.push(noLoop(), belowReachable());
    if (service != null) farm.checkers.push(this.rounds);
    if (service != null && lies == null) farm.checkers.push(this.moves, this.sheds);
    if (encodedShare > 0 || lies != null)
      farm.checkers.push(overTheWire(farm, new Random(seed ^ 0x7769_7265), encodedShare, isLiar));
    farm.checkers.push(...(options.checkers ?? []));
  }

  play(): void {
    const { farm } = this;
    const patienceMs = (this.#options.patience ?? lastPatienceBeats) * beatMs;
    this.#options.prepare?.(farm);
    this.#arrive();
    this.#beginFaults();
    for (const deed of this.#schedule.deeds) {
      farm.run(deed.afterMs);
      this.#perform(deed);
    }
    this.#endFaults();
    const endedAtMs = farm.nowMs;
    const since = (happened: boolean): number =>
      happened ? (farm.nowMs - endedAtMs) / beatMs : Number.POSITIVE_INFINITY;
    this.wholeAfterBeats = since(farm.runUntil(() => isWhole(farm), patienceMs, beatMs / 2));
    const settled = farm.runUntil(() => this.#isSettled(), patienceMs, beatMs / 2);
    this.agreedAfterBeats = since(settled);
    farm.run(lastWordsBeats * beatMs);
    this.complaints.push(...farm.verdict(), ...this.multicast.missing(farm));
    if (settled) {
      farm.runUntil(() => strayViews(farm).length === 0, lastWordsBeats * beatMs, beatMs / 2);
      this.complaints.push(...strayViews(farm));
      return;
    }
    this.complaints.push(
      `after ${(farm.nowMs - endedAtMs) / beatMs} heartbeats without faults the farm is not whole`,
      ...misplaced(farm),
      ...this.#idle(),
    );
    if (!membershipAgrees(farm)) this.complaints.push('the servers do not agree who serves');
  }

  #isSettled(): boolean {
    return isWhole(this.farm) && membershipAgrees(this.farm) && this.#idle().length === 0;
  }

  /** Volunteers that no server asks; under a controller that is correct. */
  #idle(): string[] {
    return this.#schedule.service == null ? idleVolunteers(this.farm) : [];
  }

  // --- Before and after ------------------------------------------------------------------------------------------------------

  /** A farm with nobody in it yet: places, delays and options of the schedule. */
  #buildFarm(): SimulatedFarm {
    const { seed, peers, fanOut, jitterShare, service } = this.#schedule;
    const { tree, rules, qos } = this.#options;
    const random = new Random(seed ^ 0x706c6163);
    const places = Array.from({ length: peers }, () => [random.next() * 100, random.next() * 100] as const);
    const unreachable = new Set(this.#schedule.unreachable);
    const tell = (peer: PeerHandle, event: QosEvent): void => {
      this.sheds.heard(peer, this.farm.nowMs, event);
      this.rounds.heard(event);
      this.moves.heard(event);
    };
    const terms =
      service == null
        ? null
        : {
            ...defaultQosOptions,
            controlled: true,
            requirement: { meanMs: service.requirementMs, percentile: null, availability: null },
            policy: service.policy,
            margin: service.margin,
            ...qos,
          };
    return new SimulatedFarm({
      seed,
      rttMs: (a, b) => {
        const [from, to] = [places[a], places[b]];
        return from === undefined || to === undefined || a === b ? 0 : 5 + Math.hypot(from[0] - to[0], from[1] - to[1]);
      },
      jitter: jitterShare,
      tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs, fanOut, ...tree },
      ...(rules === undefined ? {} : { rules }),
      ...(unreachable.size === 0 ? {} : { reachable: (peer: PeerHandle) => !unreachable.has(peer) }),
      ...(terms === null
        ? {}
        : { layers: () => [(parts) => new Quality(parts, terms, (event) => tell(parts.ctx.self, event))] }),
    });
  }

  #arrive(): void {
    const { farm } = this;
    const { peers, arrivalsMs, service, seed } = this.#schedule;
    farm.start(root, { as: 'root', root, neighbours: [] });
    farm.act(root, (peer, nowMs) => peer.publish(nowMs, 1, new Uint8Array(32), 1e6));
    const dice = new Random(seed ^ 0x7573_6572);
    const perSecond = service?.perSecond ?? 0;
    const queues = perSecond > 0 ? new Queues((server) => (server === root ? 10 * perSecond : perSecond)) : null;
    for (let n = 1; n < peers; n++) {
      const newcomer = handle(n);
      farm.after(farm.random.next() * arrivalsMs, () => {
        farm.start(newcomer, { as: 'peer', root, neighbours: [root] });
        if (service == null) return;
        if (dice.next() < 0.6) farm.act(newcomer, (peer, nowMs) => peer.volunteer(nowMs, generous));
        addUser(farm, newcomer, dice, queues);
      });
    }
    farm.run(arrivalsMs + (service == null ? 5 : 15) * beatMs);
  }

  #beginFaults(): void {
    const { farm } = this;
    const { lossShare, duplicationShare, reorderingShare = 0, delayShare = 0, lies } = this.#schedule;
    farm.loss = lossShare;
    farm.duplication = duplicationShare;
    farm.reordering = reorderingShare;
    farm.delaySpikes = delayShare;
    if (lies != null) this.#liars.begin();
  }

  /** Ends all faults and brings every peer back, except liars and peers that are to stay away. */
  #endFaults(): void {
    const { farm } = this;
    const { peers, lies } = this.#schedule;
    farm.mendAll();
    this.#liars.end();
    const buried = lies?.goneAfterwards === true ? lies.liars : [];
    for (const liar of buried) farm.crash(handle(liar), true);
    const isDraining = (): boolean => farm.living().some((peer) => peer.state.ctx.draining);
    farm.runUntil(() => !isDraining(), 2 * farm.tree.drainBeats * beatMs, beatMs);
    if (this.#options.bury === true) return;
    for (let n = 0; n < peers; n++) {
      if (buried.includes(n)) continue;
      if (farm.peer(handle(n))?.role === 'outside') farm.crash(handle(n));
      farm.restart(handle(n));
    }
  }

  // --- Deeds -------------------------------------------------------------------------------------------------------------------

  /** Does one deed, if it fits. */
  #perform(deed: Deed): void {
    const { farm } = this;
    if (deed.act === 'partition') {
      const group = deed.group.map(handle);
      farm.partition(group, deed.how, true);
      farm.after(deed.forMs, () => farm.partition(group, deed.how, false));
      return;
    }
    const subject = handle(deed.peer);
    switch (deed.act) {
      case 'kill':
        return farm.crash(subject, true);
      case 'power-cut':
        return farm.crash(subject, false);
      case 'torn-write':
        return farm.tearNextWrite(subject);
      case 'restart':
        farm.restart(subject);
        return;
      case 'restart-blank':
        if (farm.peer(subject) === null && subject !== root) this.#incarnations.blank(subject);
        farm.restart(subject, subject === root);
        return;
      case 'volunteer':
        return farm.act(subject, (peer, nowMs) =>
          peer.role === 'client' ? peer.volunteer(nowMs, generous) : undefined,
        );
      case 'drain':
        return farm.act(subject, (peer, nowMs) => (peer.role === 'server' ? peer.drain(nowMs) : undefined));
      case 'leave':
        return farm.act(subject, (peer, nowMs) => (peer.role === 'root' ? undefined : peer.leave(nowMs)));
      case 'note':
        return farm.act(subject, (peer, nowMs) => {
          if (peer.state.ctx.isServer()) peer.multicast(nowMs, { type: 'note', topic: 'test', bytes: noteOf(farm) });
        });
      case 'release':
        return farm.act(root, (peer, nowMs) => {
          peer.publish(nowMs, peer.state.releases.installedNumber + 1, new Uint8Array(32), 1e6);
        });
      case 'readdress':
        return farm.act(subject, (peer, nowMs) => peer.addressChanged(nowMs));
      case 'cut':
        farm.cut(subject, handle(deed.other), true);
        farm.after(deed.forMs, () => farm.cut(subject, handle(deed.other), false));
        return;
      case 'slow':
        farm.slowDown(subject, deed.factor);
        farm.after(deed.forMs, () => farm.slowDown(subject, 1));
        return;
      case 'clock':
        return farm.jumpClock(subject, deed.byMs);
    }
  }
}

/** Eight bytes that no two notes share. */
function noteOf(farm: SimulatedFarm): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, farm.messages);
  return bytes;
}
