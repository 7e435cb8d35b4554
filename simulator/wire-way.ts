/**
 * Encodes and decodes a share of the messages, so that simulated peers send only what real ones could.
 *
 * A liar's messages are always encoded: one that does not decode never reaches a peer. An honest peer whose message cannot be encoded is at
 * fault.
 */
import type { Message, PeerHandle } from '../src/core/index.ts';
import { WireError, decode, encode } from '../src/wire/index.ts';
import type { PeerNames } from '../src/wire/index.ts';
import type { SimulatedFarm } from './farm.ts';
import type { Checker } from './checkers/checker.ts';
import { handle } from './farm.ts';
import { simulatedNames } from './names.ts';
import type { Random } from './random.ts';

/** Each peer has a key of its own here: its number, in 32 bytes. */
const names: PeerNames = {
  keyOf(peer) {
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, peer);
    return key;
  },
  addressesOf: simulatedNames.addressesOf,
  handleOf: (key) => handle(new DataView(key.buffer, key.byteOffset).getUint32(0)),
};

/**
 * Encodes and decodes this share of a farm's messages, and all of the liars'. Its verdict names messages of honest peers that cannot be
 * encoded.
 */
export function overTheWire(
  farm: SimulatedFarm,
  dice: Random,
  share: number,
  isLiar: (peer: PeerHandle) => boolean,
): Checker {
  const found: string[] = [];
  farm.carry = (from, to, message) => {
    const lies = isLiar(from);
    if (!lies && dice.next() >= share) return message;
    try {
      return asDecoded(message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (!lies)
        found.push(`at ${farm.nowMs} ms peer ${from} could not say ${message.kind} to ${to}: ${error.message}`);
      return null;
    }
  };
  return { name: 'all can be said on the wire', verdict: () => found };
}

/** What comes out of the bytes of a message. @throws WireError for what cannot be said */
export function asDecoded(message: Message): Message {
  const decoded = decode(encode(message, names), names);
  if (decoded.type !== 'message') throw new Error(`${message.kind} came out as something unknown: ${decoded.reason}`);
  return decoded.message;
}
