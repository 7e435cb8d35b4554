/**
 * The bare heartbeat workload on the simulator's engine, in a process of its own: `simulator-heartbeats.js <peers> <seconds>`.
 *
 * The same events as in `ns3-heartbeat.cc`, and nothing else: a tree in which everybody has four children; each tells its parent
 * once a second that it lives, which takes 10 to 200 ms, and the parent notes who and when. Reports to the process that forked it.
 */
import { TimingWheel } from '../../simulator/engine/timing-wheel.ts';
import type { EventHandler } from '../../simulator/engine/timing-wheel.ts';
import { cpuSeconds, peakRssBytes } from '../../simulator/usage.ts';

export interface EngineFigures {
  readonly events: number;
  readonly cpuSeconds: number;
  readonly peakRssBytes: number;
}

const fanOut = 4;
const beatMs = 1_000;
const leastDelayMs = 10;
const delaySpreadMs = 190;
/** The two kinds of events. */
const beat = 0;
const arrival = 1;

class Heartbeats implements EventHandler<never> {
  readonly wheel = new TimingWheel<never>(this);
  events = 0;
  readonly #beats: Int32Array;
  readonly #heard: Int32Array;
  readonly #heardAtMs: Int32Array;
  #dice = 0x2545f491;

  constructor(peers: number) {
    this.#beats = new Int32Array(peers);
    this.#heard = new Int32Array(peers);
    this.#heardAtMs = new Int32Array(peers);
    for (let self = 1; self < peers; self++) this.wheel.add(this.#rollBelow(beatMs), beat, self, 0, 0);
  }

  happened(kind: number, subject: number, child: number): void {
    this.events++;
    const { wheel } = this;
    if (kind === beat) {
      this.#beats[subject]!++;
      const parent = Math.floor((subject - 1) / fanOut);
      wheel.add(wheel.now + leastDelayMs + this.#rollBelow(delaySpreadMs), arrival, parent, subject, 0);
      wheel.add(wheel.now + beatMs, beat, subject, 0, 0);
    } else {
      this.#heard[subject]!++;
      this.#heardAtMs[child] = wheel.now;
    }
  }

  /** Marsaglia's xorshift, as cheap as on the other side: dice are not what is compared. */
  #rollBelow(bound: number): number {
    let dice = this.#dice;
    dice ^= dice << 13;
    dice ^= dice >>> 17;
    dice ^= dice << 5;
    this.#dice = dice;
    return Math.floor(((dice >>> 0) / 0x1_0000_0000) * bound);
  }
}

const [peers, seconds] = process.argv.slice(2).map(Number) as [number, number];
const heartbeats = new Heartbeats(peers);
const before = cpuSeconds();
heartbeats.wheel.run(seconds * 1_000);
const figures: EngineFigures = {
  events: heartbeats.events,
  cpuSeconds: cpuSeconds() - before,
  peakRssBytes: peakRssBytes(),
};
process.send?.(figures);
process.disconnect?.();
