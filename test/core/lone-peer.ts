/**
 * One real peer alone: the test sends the messages of all others, and reads the peer's effects in the order in which it asked for them. The
 * test sets the time; `pass` wakes the peer whenever it asked to be woken.
 */
import { origin } from '../../src/core/reach/coordinates.ts';
import type { PeerHandle, Signature } from '../../src/core/ids.ts';
import { mix } from '../../src/core/hash.ts';
import type {
  Accept,
  HeartbeatDown,
  HeartbeatUp,
  Join,
  Limits,
  MemberRecord,
  MemberState,
  Message,
  Order,
  PeerCard,
  ReleaseNotice,
  Roster,
  Signed,
  Statement,
  Unsigned,
  Cast,
  CastPayload,
} from '../../src/core/messages/index.ts';
import { durableKeyOf } from '../../src/core/world.ts';
import type { DurableKey } from '../../src/core/world.ts';
import { defaultOptions } from '../../src/core/options.ts';
import type { TreeOptions } from '../../src/core/options.ts';
import { sealOf } from '../../src/core/cast/multicast.ts';
import { Peer } from '../../src/core/peer.ts';
import { Pulses } from '../../src/core/quiet/pulses.ts';
import type { Start } from '../../src/core/beginning.ts';
import type { MakeLayer } from '../../src/core/layer.ts';
import { theRules } from '../../src/core/rules.ts';
import type { Rules } from '../../src/core/rules.ts';
import type { DurableRecord, PeerEvent, World } from '../../src/core/world.ts';

export type Effect =
  | { readonly does: 'send'; readonly to: PeerHandle; readonly message: Message }
  | { readonly does: 'persist'; readonly record: DurableRecord }
  | { readonly does: 'forget'; readonly key: DurableKey }
  | { readonly does: 'connect' | 'disconnect' | 'refuse'; readonly peer: PeerHandle }
  | { readonly does: 'transfer'; readonly notice: ReleaseNotice; readonly from: PeerHandle }
  | { readonly does: 'dial'; readonly peer: PeerHandle; readonly nonce: number }
  | { readonly does: 'tell'; readonly event: PeerEvent };

type MessageOf<K extends Message['kind']> = Extract<Message, { kind: K }>;
type EventOf<T extends PeerEvent['type']> = Extract<PeerEvent, { type: T }>;

export const first = { charter: 1, epoch: 1, term: 1 };
export const noLimits: Limits = { uploadBytesPerSecond: 0, storageBytes: 0, clients: 0 };

export function peerNumber(n: number): PeerHandle {
  return n as PeerHandle;
}

export const root = peerNumber(0);

/** The issuer's signature of a statement; any other value is a forgery. */
export function sign(statement: Unsigned<Signed>): Signature {
  const text = JSON.stringify(statement, (key, value: unknown) => (key === 'signature' ? undefined : value));
  let hash = 0x5eed;
  for (let i = 0; i < text.length; i++) hash = mix(hash ^ text.charCodeAt(i) ^ (i << 8));
  return Uint8Array.of(hash & 255, (hash >>> 8) & 255, (hash >>> 16) & 255, hash >>> 24);
}

export function signed<S extends Statement>(statement: Unsigned<S>): S {
  return { ...statement, signature: sign(statement as Unsigned<Statement>) } as unknown as S;
}

export function isGenuine(statement: Signed): boolean {
  return sign(statement).every((byte, i) => byte === statement.signature[i]);
}

// --- What others might say -----------------------------------------------------------------------------------------------

export function member(
  subject: PeerHandle,
  state: MemberState,
  rest: Partial<Unsigned<MemberRecord>> = {},
): MemberRecord {
  const record = {
    type: 'member',
    subject,
    incarnation: 1,
    state,
    parent: root,
    coordinate: origin,
    full: false,
    issuer: subject,
    standing: first,
  } as const;
  return signed<MemberRecord>({ ...record, ...rest });
}

export function release(number: number, rest: Partial<Unsigned<ReleaseNotice>> = {}): ReleaseNotice {
  const digest = new Uint8Array(32).fill(number);
  return signed<ReleaseNotice>({
    type: 'release',
    number,
    digest,
    sizeBytes: 1_000_000,
    issuer: root,
    standing: first,
    ...rest,
  });
}

export function order(subject: PeerHandle, rest: Partial<Unsigned<Order>> = {}): Order {
  return signed<Order>({
    type: 'order',
    action: 'serve',
    subject,
    releaseNumber: 1,
    issuer: root,
    standing: first,
    ...rest,
  });
}

export function card(peer: PeerHandle, rttMs = Number.NaN): PeerCard {
  return { peer, coordinate: origin, rttMs };
}

export function roster(ancestors: readonly PeerHandle[], rest: Partial<Roster> = {}): Roster {
  return { version: 1, ancestors: ancestors.map((peer) => card(peer, 10)), siblings: [], uncles: [], ...rest };
}

export function join(nonce: number, rest: Partial<Join> = {}): Join {
  return {
    kind: 'join',
    tree: 'clients',
    nonce,
    orphan: true,
    hasChildren: false,
    passed: null,
    passedDepth: 0,
    coordinate: origin,
    rttMs: 20,
    reachable: true,
    incarnation: 1,
    credential: new Uint8Array(0),
    ...rest,
  };
}

/** A heartbeat from a parent in the client tree of the root. */
export function down(rest: Partial<HeartbeatDown> = {}): HeartbeatDown {
  return {
    kind: 'heartbeat-down',
    tree: 'clients',
    stamp: { root, life: 1, sequence: 6 },
    depth: 0,
    beat: 6,
    intervalMs: 1_000,
    rosterVersion: 1,
    roster: null,
    standing: first,
    release: 1,
    deltas: [],
    membershipDigest: 0,
    castDigest: 0,
    ...rest,
  };
}

/** A heartbeat from a child. */
export function up(rest: Partial<HeartbeatUp> = {}): HeartbeatUp {
  return {
    kind: 'heartbeat-up',
    tree: 'clients',
    echo: -1,
    heldMs: 0,
    coordinate: origin,
    reachable: true,
    size: 1,
    height: 0,
    rosterVersion: 1,
    deltas: [],
    membershipDigest: 0,
    castDigest: 0,
    ...rest,
  };
}

// --- The peer ------------------------------------------------------------------------------------------------------------------

/** Replacements for the usual world and rules. */
export interface LoneWorld extends Partial<World> {
  readonly pulses?: Pulses;
  readonly rules?: Rules;
  readonly layers?: readonly MakeLayer[];
}

export class LonePeer {
  readonly effects: Effect[] = [];
  readonly peer: Peer;
  nowMs = 1_000;
  #disk: DurableRecord[] = [];
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(
    self: PeerHandle = peerNumber(1),
    options: Partial<TreeOptions> = {},
    { pulses = new Pulses(), rules = theRules, layers = [], ...world }: LoneWorld = {},
  ) {
    const tree = { ...defaultOptions, minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000, ...options };
    this.peer = new Peer(self, { ...this.#world(), ...world }, tree, rules, layers, pulses);
  }

  #world(): World {
    const add = (effect: Effect): void => void this.effects.push(effect);
    return {
      send: (to, message) => add({ does: 'send', to, message }),
      persist: (record) => {
        this.#disk.push(record);
        add({ does: 'persist', record });
      },
      forget: (key) => {
        const isOther = (record: DurableRecord): boolean => {
          const { type, which } = durableKeyOf(record);
          return type !== key.type || which !== key.which;
        };
        this.#disk = this.#disk.filter(isOther);
        add({ does: 'forget', key });
      },
      wakeAt: (atMs) => {
        this.#wakeAtMs = atMs;
      },
      connect: (peer) => add({ does: 'connect', peer }),
      disconnect: (peer) => add({ does: 'disconnect', peer }),
      refuse: (peer) => add({ does: 'refuse', peer }),
      transfer: (notice, from) => add({ does: 'transfer', notice, from }),
      dial: (peer, nonce) => add({ does: 'dial', peer, nonce }),
      tell: (event) => add({ does: 'tell', event }),
      random: () => 0.5,
      sign,
      verify: isGenuine,
      admits: () => true,
      fingerprint: (peer) => mix(peer + 77),
      subnet: (peer) => peer,
    };
  }

  start(how: Partial<Start> = {}): this {
    this.peer.start(this.nowMs, { as: 'peer', root, neighbours: [root], records: [], ...how });
    return this;
  }

  hear(from: PeerHandle, ...messages: Message[]): this {
    for (const message of messages) this.peer.receive(this.nowMs, from, message);
    return this;
  }

  /** Lets time pass; the peer wakes when it asked to. */
  pass(forMs: number): this {
    const untilMs = this.nowMs + forMs;
    while (this.#wakeAtMs <= untilMs) {
      this.nowMs = Math.max(this.nowMs, this.#wakeAtMs);
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      this.peer.wake(this.nowMs);
    }
    this.nowMs = untilMs;
    return this;
  }

  /** Brings it below a parent, as a child there: answers its pings and its join. */
  attachTo(parent: PeerHandle, accept: Partial<Accept> = {}): this {
    for (const { to, message } of this.sent('ping')) {
      if (to === parent) this.hear(parent, pong(message.nonce));
    }
    const joined = this.sent('join').findLast(({ to }) => to === parent);
    if (joined === undefined) throw new Error(`it did not ask peer ${parent}`);
    const { tree, nonce } = joined.message;
    const stamp = { root: tree === 'servers' ? root : parent, life: 1, sequence: 5 };
    return this.hear(parent, {
      kind: 'accept',
      tree,
      nonce,
      stamp,
      depth: 0,
      intervalMs: 1_000,
      roster: roster([parent]),
      heads: [],
      ...accept,
    });
  }

  /** Makes it reachable: others report that they dialled it. */
  confirm(...by: PeerHandle[]): this {
    for (const { to, message } of this.sent('dial-back')) {
      if (by.includes(to)) this.hear(to, { kind: 'dialed-back', nonce: message.nonce, worked: true });
    }
    return this;
  }

  // --- What it did ---------------------------------------------------------------------------------------------------------

  sent<K extends Message['kind']>(kind: K): { to: PeerHandle; message: MessageOf<K> }[] {
    return this.effects.flatMap((effect) =>
      effect.does === 'send' && effect.message.kind === kind
        ? [{ to: effect.to, message: effect.message as MessageOf<K> }]
        : [],
    );
  }

  told<T extends PeerEvent['type']>(type: T): EventOf<T>[] {
    return this.effects.flatMap((effect) =>
      effect.does === 'tell' && effect.event.type === type ? [effect.event as EventOf<T>] : [],
    );
  }

  /** All records that were persisted and not forgotten: the input of the next life. */
  get records(): readonly DurableRecord[] {
    return this.#disk;
  }

  get transfers(): { notice: ReleaseNotice; from: PeerHandle }[] {
    return this.effects.flatMap((effect) => (effect.does === 'transfer' ? [effect] : []));
  }

  /** Drops the effects so far, so that the next reading shows only later ones. */
  forget(): this {
    this.effects.length = 0;
    return this;
  }
}

export function pong(nonce: number, room = 8): MessageOf<'pong'> {
  return { kind: 'pong', nonce, coordinate: origin, serverRoom: room, clientRoom: room };
}

/** A root with a release. */
export function aRoot(options: Partial<TreeOptions> = {}, world: LoneWorld = {}): LonePeer {
  const lone = new LonePeer(root, options, world).start({ as: 'root', neighbours: [] });
  lone.peer.publish(lone.nowMs, 1, new Uint8Array(32).fill(1), 1_000_000);
  return lone;
}

/** A client below the root that others can dial. */
export function aClient(
  options: Partial<TreeOptions> = {},
  neighbours: readonly PeerHandle[] = [],
  world: LoneWorld = {},
): LonePeer {
  const start = { neighbours: [root, ...neighbours] };
  const lone = new LonePeer(peerNumber(1), options, world)
    .start(start)
    .attachTo(root, { roster: roster([root], { siblings: [card(peerNumber(2), 10)] }) });
  lone.hear(root, { kind: 'release-now', notice: release(1) }).pass(1_100);
  const stamp = { root, life: 1, sequence: 5 };
  return lone
    .hear(root, down({ stamp, beat: 5 }))
    .confirm(root, peerNumber(2))
    .forget();
}

/** Peer 1: a serving server below the root, which knows that the root serves. */
export function aServer(options: Partial<TreeOptions> = {}, world: LoneWorld = {}): LonePeer {
  const lone = aClient(options, [], world);
  lone.peer.volunteer(lone.nowMs, noLimits);
  lone.hear(root, { kind: 'offer', order: order(peerNumber(1)), notice: release(1) });
  lone.peer.installed(lone.nowMs, release(1));
  lone.attachTo(root).hear(root, { kind: 'release-now', notice: release(1) });
  lone.hear(root, { kind: 'members', records: [member(root, 'serving')], snapshot: false }).pass(2_000);
  const stamp = { root, life: 1, sequence: 6 };
  return lone
    .hear(root, down({ tree: 'servers', stamp, membershipDigest: lone.peer.state.membership.digest() }))
    .forget();
}

/** A multicast as its origin would send it. */
export function castOf(origin: PeerHandle, incarnation: number, sequence: number, payload: CastPayload): Cast {
  const unsigned = { kind: 'cast', origin, incarnation, sequence, payload, standing: first } as const;
  return { ...unsigned, signature: sign(sealOf(unsigned)) };
}
