/**
 * Plays a schedule: builds the farm, does the deeds, stops all faults, wakes all the dead, and says how the farm got over it.
 *
 * Peers lie at random places of a square of 100 ms, so round trips go from 5 to 146 ms; heartbeats are 1 s. After the deeds the
 * faults stop, everybody who is dead or has left comes back, and the farm has a stated time to become whole.
 */
import type { PeerHandle } from '../src/core/ids.ts';
import type { TreeOptions } from '../src/core/options.ts';
import type { Rules } from '../src/core/rules.ts';
import { onceInOrder } from './checkers/multicast.ts';
import type { MulticastChecker } from './checkers/multicast.ts';
import { belowReachable } from './checkers/reachable.ts';
import { isWhole, membershipAgrees, misplaced, noLoop } from './checkers/structure.ts';
import { SimulatedFarm, generous, handle } from './farm.ts';
import type { Checker } from './farm.ts';
import { Random } from './random.ts';
import type { Deed, Schedule } from './schedule.ts';

export interface StageOptions {
  readonly rules?: Rules;
  readonly tree?: Partial<TreeOptions>;
  /** Watchers beyond the usual ones. */
  readonly checkers?: readonly Checker[];
  /** Called with the farm before anything happens in it. */
  readonly prepare?: (farm: SimulatedFarm) => void;
  /** Leaves the dead dead and those who left away. */
  readonly bury?: boolean;
}

export interface Outcome {
  readonly farm: SimulatedFarm;
  readonly multicast: MulticastChecker;
  /** Heartbeats from the end of the faults until everybody was in exactly one place; infinity if never. */
  readonly wholeAfterBeats: number;
  /** The same until all servers had the same membership, naming exactly the living servers. */
  readonly agreedAfterBeats: number;
  /** Sentences about what is wrong: violated invariants, and who is where it should not be. Empty when all is well. */
  readonly complaints: readonly string[];
}

export const beatMs = 1_000;
/** A farm that is not whole after this many heartbeats without faults will not be. */
export const patienceBeats = 120;

const root = handle(0);

export function play(schedule: Schedule, options: StageOptions = {}): Outcome {
  const farm = buildFarm(schedule, options);
  const multicast = onceInOrder();
  farm.checkers.push(noLoop(), multicast, belowReachable(), ...(options.checkers ?? []));
  options.prepare?.(farm);
  arrive(farm, schedule);
  farm.loss = schedule.lossShare;
  farm.duplication = schedule.duplicationShare;
  for (const deed of schedule.deeds) {
    farm.run(deed.afterMs);
    perform(farm, deed);
  }
  farm.mendAll();
  farm.runUntil(
    () => farm.living().every((peer) => !peer.state.ctx.draining),
    2 * farm.tree.drainBeats * beatMs,
    beatMs,
  );
  if (options.bury !== true) wakeAll(farm, schedule);
  const endedAtMs = farm.nowMs;
  const whole = farm.runUntil(() => isWhole(farm), patienceBeats * beatMs, beatMs / 2);
  const wholeAfterBeats = whole ? (farm.nowMs - endedAtMs) / beatMs : Number.POSITIVE_INFINITY;
  const settled = farm.runUntil(() => isWhole(farm) && membershipAgrees(farm), patienceBeats * beatMs, beatMs / 2);
  const agreedAfterBeats = settled ? (farm.nowMs - endedAtMs) / beatMs : Number.POSITIVE_INFINITY;
  farm.run(10 * beatMs);
  const complaints = [...farm.verdict(), ...multicast.missing(farm)];
  if (!settled) {
    complaints.push(
      `after ${(farm.nowMs - endedAtMs) / beatMs} heartbeats without faults the farm is not whole`,
      ...misplaced(farm),
    );
    if (!membershipAgrees(farm)) complaints.push('the servers do not agree who serves');
  }
  return { farm, multicast, wholeAfterBeats, agreedAfterBeats, complaints };
}

/** A farm with nobody in it yet: places, delays and faults of the schedule. */
function buildFarm(schedule: Schedule, options: StageOptions): SimulatedFarm {
  const random = new Random(schedule.seed ^ 0x706c6163);
  const places = Array.from({ length: schedule.peers }, () => [random.next() * 100, random.next() * 100] as const);
  const unreachable = new Set(schedule.unreachable);
  return new SimulatedFarm({
    seed: schedule.seed,
    rttMs: (a, b) => {
      const [from, to] = [places[a], places[b]];
      return from === undefined || to === undefined || a === b ? 0 : 5 + Math.hypot(from[0] - to[0], from[1] - to[1]);
    },
    jitter: schedule.jitterShare,
    tree: { minHeartbeatMs: beatMs, maxHeartbeatMs: beatMs, fanOut: schedule.fanOut, ...options.tree },
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(unreachable.size === 0 ? {} : { reachable: (peer: PeerHandle) => !unreachable.has(peer) }),
  });
}

function arrive(farm: SimulatedFarm, { peers, arrivalsMs }: Schedule): void {
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (peer) => peer.publish(farm.nowMs, 1, new Uint8Array(32), 1e6));
  for (let n = 1; n < peers; n++) {
    farm.after(farm.random.next() * arrivalsMs, () => farm.start(handle(n), { as: 'peer', root, neighbours: [root] }));
  }
  farm.run(arrivalsMs + 5 * beatMs);
}

function wakeAll(farm: SimulatedFarm, { peers }: Schedule): void {
  for (let n = 0; n < peers; n++) {
    if (farm.peer(handle(n))?.role === 'outside') farm.crash(handle(n));
    farm.restart(handle(n));
  }
}

/** Does one deed, if it fits. */
function perform(farm: SimulatedFarm, deed: Deed): void {
  const subject = handle(deed.peer);
  const { nowMs } = farm;
  switch (deed.act) {
    case 'kill':
      return farm.crash(subject, true);
    case 'power-cut':
      return farm.crash(subject, false);
    case 'restart':
      farm.restart(subject);
      return;
    case 'restart-blank':
      farm.restart(subject, subject === root);
      return;
    case 'volunteer':
      return farm.act(subject, (peer) => (peer.role === 'client' ? peer.volunteer(nowMs, generous) : undefined));
    case 'drain':
      return farm.act(subject, (peer) => (peer.role === 'server' ? peer.drain(nowMs) : undefined));
    case 'leave':
      return farm.act(subject, (peer) => (peer.role === 'root' ? undefined : peer.leave(nowMs)));
    case 'note':
      return farm.act(subject, (peer) => {
        if (peer.state.ctx.isServer()) peer.multicast(nowMs, { type: 'note', topic: 'test', bytes: new Uint8Array(8) });
      });
    case 'release':
      return farm.act(root, (peer) => {
        peer.publish(nowMs, peer.state.releases.installedNumber + 1, new Uint8Array(32), 1e6);
      });
    case 'readdress':
      return farm.act(subject, (peer) => peer.addressChanged(nowMs));
    case 'cut':
      farm.cut(subject, handle(deed.other), true);
      farm.after(deed.forMs, () => farm.cut(subject, handle(deed.other), false));
      return;
  }
}
