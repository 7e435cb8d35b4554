/**
 * The layout of a row of `Pulses`: 24 numbers of 8 bytes, each of which may hold two integers instead; three cache lines. The first line
 * holds what the peer's own beat needs, the second its place, the third what its children's beats need.
 */
export const numberWidth = 24;
export const integerWidth = 2 * numberWidth;
export const beatAt = 0;
export const silenceAt = 1;
export const quietUntil = 2;
export const parentHeardAt = 3;
export const interval = 4;
export const way = 5;
export const state = 12;
export const parent = 13;
export const parentBeat = 14;
export const routineBeats = 15;
export const sequence = 8;
export const life = 9;
export const silence = 10;
export const held = 11;
export const stampRoot = 24;
export const depth = 25;
export const viewDigest = 26;
export const castDigest = 27;
export const release = 28;
export const rosterVersion = 29;
export const echo = 30;
export const routineDone = 31;
/** What its children's beats need, and which peers sit where. */
export const sentAt = 16;
export const sentBeforeAt = 17;
export const ownBeat = 36;
export const seatNumber = 37;
export const ownRoster = 38;
export const firstSeat = 39;
export const childSilence = 20;
export const toldSequence = 21;
export const landsAt = 22;
export const toldBeat = 46;
export const room = 47;

/**
 * The state of a row, as bits: the pulse is handed over; the parent has had a whole beat since then; a quiet beat is on its way up; the
 * peer has children.
 */
export const handedOver = 1;
export const introduced = 2;
export const underWay = 4;
export const isParent = 8;
