/**
 * What a peer needs to be started, and what follows from it: the core's options from the charter, Node's form of the key.
 */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { PrivateKey } from '@libp2p/interface';
import { defaultOptions, mostChildren } from '../core/index.ts';
import type { Limits, TreeOptions } from '../core/index.ts';
import { defaultQosOptions } from '../qos/index.ts';
import type { QosOptions, Requirement } from '../qos/index.ts';
import type { Charter, Invite, SigningKey } from '../service/index.ts';
import type { Emulation, HostLogger, NetworkLimits } from '../network/index.ts';
import type { NodeState } from './node-state.ts';

export type ControllerBeats = Partial<Pick<QosOptions, 'settleBeats' | 'quietBeats' | 'freshBeats'>>;

export interface NodeOptions {
  /** Where releases lie. */
  readonly folder: string;
  readonly state: NodeState;
  /** The peer's libp2p identity; the root's is its root key. */
  readonly privateKey: PrivateKey;
  /** Root: signs credentials; null for everybody else. */
  readonly rootKey: SigningKey | null;
  /** The charter, for the root and for one that has joined before; else it is asked for with the invite. */
  readonly charter: Charter | null;
  /** What this peer joins by; null for the root. */
  readonly invite: Invite | null;
  /** Root: where the owner key lies; read for each release, never kept. */
  readonly ownerKeyPath: string | null;
  /** Offers to serve at once, goes on if it did before, or never serves whatever it did before. */
  readonly serving: 'at-once' | 'if-asked' | 'never';
  /** What it gives at most; 0 = no limit. */
  readonly limits: Limits;
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  readonly emulation?: Emulation;
  readonly networkLimits?: Partial<NetworkLimits>;
  /** Root: how long the controller waits for what, where that is not as usual. */
  readonly controllerBeats?: ControllerBeats;
  readonly logger: HostLogger;
}

/** The peer's key as Node's own crypto wants it: libp2p's raw form is the seed and the public key. */
export function signingKeyOf(privateKey: PrivateKey): KeyObject {
  const raw = Buffer.from(privateKey.raw);
  const [d, x] = [raw.subarray(0, 32).toString('base64url'), raw.subarray(32, 64).toString('base64url')];
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' });
}

/** The shape and pulse of the trees, as the owner wrote them into the charter. */
export function treeOptionsOf(charter: Charter): TreeOptions {
  const { fanOut, heartbeatMs } = charter.tree;
  return {
    ...defaultOptions,
    fanOut,
    guestRoom: Math.min(fanOut, mostChildren - fanOut),
    minHeartbeatMs: heartbeatMs,
    maxHeartbeatMs: Math.max(heartbeatMs, defaultOptions.maxHeartbeatMs),
  };
}

/** What the owner requires; null for nothing. */
export function requirementOf({ requirementMs, quality }: Charter): Requirement | null {
  const { percentile, availability } = quality;
  const isNone = requirementMs === null && percentile === null && availability === null;
  return isNone ? null : { meanMs: requirementMs, percentile, availability };
}

/** How quality of service is kept, as the owner wrote it into the charter. */
export function qosOptionsOf(charter: Charter, beats: ControllerBeats = {}): QosOptions {
  const requirement = requirementOf(charter);
  const { policy, margin } = charter.quality;
  return { ...defaultQosOptions, controlled: requirement !== null, requirement, policy, margin, ...beats };
}

/** With this many heartbeats between two rounds; requests from before the last change do not count. */
export function controllerBeatsOf(settleBeats: number): ControllerBeats {
  const freshBeats = Math.min(defaultQosOptions.freshBeats, Math.max(1, settleBeats - 1));
  return { settleBeats, quietBeats: settleBeats, freshBeats };
}
