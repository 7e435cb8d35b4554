/**
 * Network coordinates: where a peer lies in the latency space of the farm.
 *
 * Imagine springs between all peers, each as long as the round trip between its ends. Every measured round trip pulls or
 * pushes the two ends a little, and soon the distance between any two predicts the round trip of a pair that never met. The height is
 * the way through one's own access link, which every path pays. Coordinates only shortlist: a real round trip decides.
 *
 * Source: Dabek, Cox, Kaashoek, Morris, "Vivaldi: a decentralized network coordinate system", SIGCOMM 2004, sections 3.5
 * (adaptive timestep) and 5.4 (height vectors).
 */
import type { Coordinate } from './messages.ts';

/** How much of the error estimate one sample replaces. */
const errorWeight = 0.25;
/** How far one sample may move a peer, as a share of the misfit. */
const stepWeight = 0.25;
/** So far from where it told others that it is a peer may lie, ms, and so much may its error differ. */
const untoldMs = 0.25;
const untoldError = 0.03;
/** Heights stay positive, ms. */
const minHeight = 0.1;
/** What took longer is no round trip of this planet, ms. */
export const maxRttMs = 60_000;

export const origin: Coordinate = { x: 0, y: 0, z: 0, height: minHeight, error: 1 };

/** The round trip that two coordinates predict, ms. */
export function predictRttMs(a: Coordinate, b: Coordinate): number {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  const dz = a.z - b.z;
  return Math.sqrt(dx * dx + dy * dy + dz * dz) + a.height + b.height;
}

/** Whether a coordinate from elsewhere is one that can be computed with. */
export function isSound(c: Coordinate): boolean {
  const limit = maxRttMs;
  return (
    Math.abs(c.x) <= limit &&
    Math.abs(c.y) <= limit &&
    Math.abs(c.z) <= limit &&
    c.height >= 0 &&
    c.height <= limit &&
    c.error >= 0 &&
    c.error <= 1.5
  );
}

/** Whether a peer lies elsewhere than it has told others, so that they should know. Each sample moves it a little, this way and that. */
export function isElsewhere(told: Coordinate, now: Coordinate): boolean {
  const dx = told.x - now.x;
  const dy = told.y - now.y;
  const dz = told.z - now.z;
  const height = Math.abs(told.height - now.height);
  return Math.sqrt(dx * dx + dy * dy + dz * dz) + height > untoldMs || Math.abs(told.error - now.error) > untoldError;
}

/**
 * Where `mine` goes after a round trip of `rttMs` to a peer at `theirs`. `dice` in [0, 1) chooses a direction when both
 * are at the same spot. Unsound input leaves it where it is.
 */
export function moved(mine: Coordinate, theirs: Coordinate, rttMs: number, dice: number): Coordinate {
  if (!(rttMs >= 0 && rttMs <= maxRttMs) || !isSound(theirs)) return mine;
  const predicted = predictRttMs(mine, theirs);
  const certainty = mine.error / Math.max(mine.error + theirs.error, 1e-6);
  const misfit = Math.abs(predicted - rttMs) / Math.max(rttMs, 0.1);
  const error = Math.min(1, misfit * errorWeight * certainty + mine.error * (1 - errorWeight * certainty));
  const force = stepWeight * certainty * (rttMs - predicted);

  let dx = mine.x - theirs.x;
  let dy = mine.y - theirs.y;
  let dz = mine.z - theirs.z;
  let distance = Math.sqrt(dx * dx + dy * dy + dz * dz);
  if (distance < 1e-6) {
    dx = Math.cos(2 * Math.PI * dice);
    dy = Math.sin(2 * Math.PI * dice);
    dz = 2 * dice - 1;
    distance = Math.sqrt(1 + dz * dz);
  }
  const reach = distance + mine.height + theirs.height;
  const planar = (force * distance) / reach / distance;
  const height = Math.max(minHeight, mine.height + (force * (mine.height + theirs.height)) / reach);
  return { x: mine.x + dx * planar, y: mine.y + dy * planar, z: mine.z + dz * planar, height, error };
}
