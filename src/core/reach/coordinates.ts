/**
 * Network coordinates (Vivaldi): where a peer lies in the latency space of the farm.
 *
 * Imagine springs between all peers, each as long as the round trip between its ends. Every measured round trip pulls or pushes its two
 * ends a little, and soon the distance between any two predicts the round trip of a pair that never met. The height is the delay of the
 * peer's own access link, which every path pays. Coordinates only shortlist: a real round trip decides.
 *
 * Others are told whole numbers, in the units of the wire, which need no heap memory of their own. A peer keeps its own position at a finer
 * resolution.
 *
 * Source: Dabek, Cox, Kaashoek, Morris, "Vivaldi: a decentralized network coordinate system", SIGCOMM 2004, sections 3.5
 * (adaptive timestep) and 5.4 (height vectors).
 */
import type { Coordinate } from '../messages/index.ts';

/** How much of the error estimate one sample replaces. */
const errorWeight = 0.25;
/** How far one sample may move a peer, as a share of the misfit. */
const stepWeight = 0.25;
/** The units of a coordinate: units per ms, and the value of an error that is as large as the round trip itself. */
export const unitsPerMs = 100;
export const wholeError = 10_000;
/** The drift before others are told: the distance from the told position, and the change of the error. */
const untold = 0.25 * unitsPerMs;
const untoldError = 0.03 * wholeError;
/** Heights stay positive. */
const minHeight = 0.1 * unitsPerMs;
/** Divisors are at least this large. */
const leastError = 1e-6 * wholeError;
const tiny = 1e-6 * unitsPerMs;
/** A longer time is no round trip on this planet, ms. */
export const maxRttMs = 60_000;

export const origin: Coordinate = { x: 0, y: 0, z: 0, height: minHeight, error: wholeError };

/** The round trip that two coordinates predict, ms. */
export function predictRttMs(a: Coordinate, b: Coordinate): number {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  const dz = a.z - b.z;
  return (Math.sqrt(dx * dx + dy * dy + dz * dz) + a.height + b.height) / unitsPerMs;
}

/** Whether a coordinate from another peer is sound enough to compute with. */
export function isSound(c: Coordinate): boolean {
  const limit = maxRttMs * unitsPerMs;
  return (
    Math.abs(c.x) <= limit &&
    Math.abs(c.y) <= limit &&
    Math.abs(c.z) <= limit &&
    c.height >= 0 &&
    c.height <= limit &&
    c.error >= 0 &&
    c.error <= wholeError
  );
}

// --- Where a peer lies by its own samples ------------------------------------------------------------------------------------
//
// Finer than what the peer tells others, since a sample may move it by less than a unit: five numbers from index `at` on in a flat array,
// in the units and the order of a coordinate.

export const spotWidth = 5;

/** Writes the spot of a peer without measurements there. */
export function putAtOrigin(spots: Float64Array, at: number): void {
  const { x, y, z, height, error } = origin;
  spots.set([x, y, z, height, error], at);
}

/** The spot as others are told of it. */
export function toldOf(spots: Float64Array, at: number): Coordinate {
  return {
    x: whole(spots[at]!),
    y: whole(spots[at + 1]!),
    z: whole(spots[at + 2]!),
    height: whole(spots[at + 3]!),
    error: whole(spots[at + 4]!),
  };
}

/** Whether a peer has drifted so far from the coordinate it told others that they should know. Each sample moves it a little to and fro. */
export function isElsewhere(told: Coordinate, spots: Float64Array, at: number): boolean {
  const dx = told.x - spots[at]!;
  const dy = told.y - spots[at + 1]!;
  const dz = told.z - spots[at + 2]!;
  const height = Math.abs(told.height - spots[at + 3]!);
  const error = Math.abs(told.error - spots[at + 4]!);
  return Math.sqrt(dx * dx + dy * dy + dz * dz) + height > untold || error > untoldError;
}

/**
 * Moves a spot after a round trip of `rttMs` to a peer at `theirs`. `dice` in [0, 1) chooses a direction when both are at one point.
 * Unsound input changes nothing.
 */
export function move(spots: Float64Array, at: number, theirs: Coordinate, rttMs: number, dice: number): void {
  if (!(rttMs >= 0 && rttMs <= maxRttMs) || !isSound(theirs)) return;
  let dx = spots[at]! - theirs.x;
  let dy = spots[at + 1]! - theirs.y;
  let dz = spots[at + 2]! - theirs.z;
  const height = spots[at + 3]!;
  const error = spots[at + 4]!;
  let distance = Math.sqrt(dx * dx + dy * dy + dz * dz);
  const predictedMs = (distance + height + theirs.height) / unitsPerMs;
  const certainty = error / Math.max(error + theirs.error, leastError);
  const misfit = Math.abs(predictedMs - rttMs) / Math.max(rttMs, 0.1);
  const force = stepWeight * certainty * (rttMs - predictedMs) * unitsPerMs;
  if (distance < tiny) {
    dx = unitsPerMs * Math.cos(2 * Math.PI * dice);
    dy = unitsPerMs * Math.sin(2 * Math.PI * dice);
    dz = unitsPerMs * (2 * dice - 1);
    distance = Math.sqrt(unitsPerMs * unitsPerMs + dz * dz);
  }
  const reach = distance + height + theirs.height;
  const planar = (force * distance) / reach / distance;
  spots[at]! += dx * planar;
  spots[at + 1]! += dy * planar;
  spots[at + 2]! += dz * planar;
  spots[at + 3] = Math.max(minHeight, height + (force * (height + theirs.height)) / reach);
  const weight = errorWeight * certainty;
  spots[at + 4] = Math.min(wholeError, misfit * wholeError * weight + error * (1 - weight));
}

/** The centre of several coordinates. */
export function middleOf(coordinates: readonly Coordinate[]): Coordinate {
  const mean = (axis: 'x' | 'y' | 'z'): number =>
    whole(coordinates.reduce((sum, coordinate) => sum + coordinate[axis], 0) / coordinates.length);
  return { x: mean('x'), y: mean('y'), z: mean('z'), height: 0, error: 0 };
}

/** The nearest whole number; never -0, which would need heap memory of its own. */
function whole(value: number): number {
  return Math.round(value) | 0;
}
