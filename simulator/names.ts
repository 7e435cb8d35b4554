/** Keys and addresses of simulated peers, of the usual length: for those who count the bytes of their messages. */
import type { PeerHandle } from '../src/core/index.ts';

/** What `wireSize` asks for. All keys are alike: only their length counts. */
export const simulatedNames = {
  keyOf: (): Uint8Array => someKey,
  addressesOf: (peer: PeerHandle): readonly string[] => [`/ip4/10.${(peer >> 8) & 255}.${peer & 255}.7/tcp/40001`],
};

const someKey = new Uint8Array(32).fill(1);
