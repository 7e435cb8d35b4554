/**
 * Multicast to the whole farm: each message crosses each link once and is delivered once, in order per origin.
 *
 * Every origin numbers its messages. A peer delivers number n only after n-1, and then sends it to all its neighbours in the trees except
 * the one it came from. A message that comes too early waits, and the peer pulls the gap from the neighbour that showed it. After a repair
 * the new neighbours compare how far they are (`heads`), and the one behind pulls. A digest on the heartbeats reveals a lost last message
 * (anti-entropy).
 *
 * A peer that was away longer than the history reaches is told where to continue, and gets the current state by other means. A newcomer
 * starts where its parent is and has no history; when an orphan below it has missed a message, the newcomer pulls it from its own parent
 * (`cast-relay.ts`).
 *
 * Source: P2P Volunteers, section 3.4.1 (data propagation); numbering and gaps after Overcast and scalable reliable multicast.
 */
import { invariant } from '../invariant.ts';
import type { Context } from '../context.ts';
import { CastRelay } from './cast-relay.ts';
import { NOBODY } from '../ids.ts';
import type { PeerHandle } from '../ids.ts';
import type {
  Cast,
  CastGone,
  CastHead,
  CastHeads,
  CastPayload,
  CastPull,
  CastSeal,
  Unsigned,
} from '../messages/index.ts';
import { mix } from '../hash.ts';

interface Stream {
  readonly origin: PeerHandle;
  incarnation: number;
  /** The last sequence number delivered. */
  sequence: number;
  /** A message of the origin itself has shown that the stream is at least this far. Before that, the position is a neighbour's claim. */
  proven: boolean;
  /** Delivered messages, the newest last. */
  history: readonly Cast[];
  /** Messages that came too early, by sequence; null while there are none. */
  early: Map<number, Cast> | null;
  /** A pull is under way up to this sequence. */
  pulledTo: number;
  /**
   * A neighbour claims that all messages before this one are forgotten. It is believed once the origin's message of this number is here; 0
   * for no claim.
   */
  goneTo: number;
}

/** What multicast needs to know of the trees. */
export interface Neighbourhood {
  /** The parent, NOBODY for the root. */
  upstream(): PeerHandle;
  /** The neighbours in both trees. */
  links(): readonly PeerHandle[];
  isLinked(peer: PeerHandle): boolean;
}

export interface CastListener {
  castDelivered(cast: Cast): void;
}

/** Digests keep to 31 bits: such numbers need no heap memory of their own. */
const mostDigest = 0x7fff_ffff;
/** No stream is that long; bounds how far a liar can make a peer count. */
const mostSequence = 2 ** 40;
/** The largest gap that a neighbour may declare forgotten, in messages. */
const mostSkipped = 2 ** 24;
/** Bytes of payload kept for neighbours that missed messages, all origins together. */
const historyBytes = 4 << 20;
/** A note of this length with the longest topic fits a message (`src/wire/limits.ts`). */
export const mostNoteBytes = 64_900;
const mostTopicBytes = 256;
const mostEarly = 256;
const mostOrigins = 4_096;
/** Messages sent in answer to one pull; the next heartbeat's digest asks for more. */
const mostPerPull = 64;
const noStreams: readonly Stream[] = [];
const noHistory: readonly Cast[] = [];

export class Multicast {
  readonly #ctx: Context;
  readonly #neighbourhood: Neighbourhood;
  /** One for each origin; usually the root is the only one. */
  #streams: readonly Stream[] = noStreams;
  #keptBytes = 0;
  #ownSequence = 0;
  /** Serves neighbours that miss what was never here; null before the first asks. */
  #relay: CastRelay | null = null;
  /** Called with each message that is delivered; set by the peer. */
  listener: CastListener | null = null;

  constructor(ctx: Context, neighbourhood: Neighbourhood) {
    this.#ctx = ctx;
    this.#neighbourhood = neighbourhood;
  }

  /** Sends a message of this peer's own to everybody. Returns its sequence number. @throws RangeError for a note that fits no message */
  publish(payload: CastPayload): number {
    if (payload.type === 'note') checkNote(payload.topic, payload.bytes);
    const { self, bootIncarnation: incarnation } = this.#ctx;
    const stream = this.#stream(self, incarnation, this.#ownSequence);
    stream.proven = true;
    this.#ownSequence = Math.max(this.#ownSequence, stream.sequence) + 1;
    const { standing } = this.#ctx.authority;
    const unsigned = {
      kind: 'cast',
      origin: self,
      incarnation,
      sequence: this.#ownSequence,
      payload,
      standing,
    } as const;
    const signature = this.#ctx.world.sign(sealOf(unsigned));
    this.#deliver(stream, { ...unsigned, signature }, self);
    return this.#ownSequence;
  }

  /** An earlier life of this peer used the same numbers: the stream begins again under the present incarnation. */
  restartOwn(): void {
    this.#ctx.bootIncarnation = this.#ctx.incarnation;
    this.#ownSequence = 0;
  }

  heads(): CastHead[] {
    const heads: CastHead[] = [];
    for (const { origin, incarnation, sequence } of this.#streams) heads.push({ origin, incarnation, sequence });
    return heads;
  }

  digest(): number {
    return this.#ctx.castDigest;
  }

  received(from: PeerHandle, cast: Cast): void {
    const { origin, incarnation, sequence } = cast;
    if (origin === this.#ctx.self) return;
    let stream = this.#streamOf(origin);
    const isNews = stream === undefined || incarnation > stream.incarnation || sequence > stream.sequence;
    if (isNews && !this.#isGenuine(from, cast)) return;
    if (stream === undefined) {
      if (this.#streams.length >= mostOrigins) return;
      stream = this.#stream(origin, incarnation, 0);
    } else if (incarnation > stream.incarnation) {
      this.#restart(stream, incarnation, 0);
    }
    if (incarnation === stream.incarnation && sequence <= stream.sequence) this.#relay?.handOn(cast);
    if (incarnation < stream.incarnation || sequence <= stream.sequence) return;
    stream.proven = true;
    if (sequence === stream.goneTo) this.#skip(stream, sequence);
    if (sequence > stream.sequence + 1) {
      stream.early ??= new Map();
      if (stream.early.size < mostEarly) stream.early.set(sequence, cast);
      this.#pull(from, stream, sequence - 1);
      return;
    }
    this.#deliver(stream, cast, from);
    this.#deliverEarly(stream, from);
  }

  /** A neighbour says how far it is. The one behind pulls. For a stream that is new here, this peer starts where the neighbour is. */
  heard(from: PeerHandle, heads: readonly CastHead[], fresh: boolean): void {
    for (const head of heads) {
      const stream = this.#streamOf(head.origin);
      if (stream === undefined) {
        if (this.#streams.length < mostOrigins && head.origin !== this.#ctx.self)
          this.#stream(head.origin, head.incarnation, fresh ? head.sequence : 0);
        const begun = this.#streamOf(head.origin);
        if (begun !== undefined && begun.sequence < head.sequence) this.#pull(from, begun, head.sequence);
        continue;
      }
      if (head.origin === this.#ctx.self) continue;
      const isBehind = isAfter(stream, head);
      if (!stream.proven && isBehind) {
        // An earlier neighbour may have lied: everything that this neighbour has is asked for.
        this.#restart(stream, head.incarnation, 0);
      }
      // A head is hearsay. The messages it announces are pulled, and each counts only when its origin's signature holds.
      if (head.incarnation > stream.incarnation) {
        this.#ctx.world.send(from, {
          kind: 'cast-pull',
          origin: head.origin,
          incarnation: head.incarnation,
          sequence: 1,
        });
      } else if (head.incarnation === stream.incarnation && head.sequence > stream.sequence) {
        stream.pulledTo = 0;
        this.#pull(from, stream, head.sequence);
      }
    }
  }

  headsReceived(from: PeerHandle, message: CastHeads): void {
    this.heard(from, message.heads, false);
    if (message.reply) this.#ctx.world.send(from, { kind: 'cast-heads', heads: this.heads(), reply: false });
  }

  /** Answers a neighbour that missed messages. */
  pulled(from: PeerHandle, pull: CastPull): void {
    const stream = this.#streamOf(pull.origin);
    if (stream === undefined) return;
    const { origin, incarnation } = stream;
    const oldest = stream.history[0]?.sequence ?? stream.sequence + 1;
    let next = pull.incarnation === incarnation ? pull.sequence : 1;
    if (next < oldest && !this.#asksAbove(from, origin, incarnation, next, oldest - 1)) {
      this.#ctx.world.send(from, { kind: 'cast-gone', origin, incarnation, sequence: oldest });
      next = oldest;
    }
    let sent = 0;
    for (const cast of stream.history) {
      if (cast.sequence < next) continue;
      if (sent++ >= mostPerPull) break;
      this.#ctx.world.send(from, cast);
    }
  }

  /** The neighbour has forgotten what this peer misses: skip ahead, and report the gap. */
  gone(from: PeerHandle, message: CastGone): void {
    const stream = this.#streamOf(message.origin);
    if (stream === undefined || message.incarnation !== stream.incarnation) return;
    const isAsked = stream.pulledTo > stream.sequence || this.#relay?.isFor(message.origin) === true;
    if (message.origin === this.#ctx.self || !isAsked || message.sequence > stream.sequence + mostSkipped) return;
    this.#relay?.passOnGone(message);
    if (message.sequence - 1 <= stream.sequence) return;
    stream.goneTo = message.sequence;
    if (stream.early?.has(message.sequence) !== true) return;
    this.#skip(stream, message.sequence);
    this.#deliverEarly(stream, from);
  }

  /** Skips ahead to `to` and reports the gap. */
  #skip(stream: Stream, to: number): void {
    const { origin, incarnation, sequence } = stream;
    stream.goneTo = 0;
    if (to <= sequence + 1) return;
    this.#ctx.world.tell({ type: 'gap-skipped', origin, from: { origin, incarnation, sequence }, to });
    this.#forget(stream);
    stream.sequence = to - 1;
    this.#redigest();
  }

  /** Pulls from the parent for a neighbour; false when there is no peer to ask. */
  #asksAbove(peer: PeerHandle, origin: PeerHandle, incarnation: number, next: number, upTo: number): boolean {
    const above = this.#neighbourhood.upstream();
    if (above === NOBODY || above === peer) return false;
    this.#relay ??= new CastRelay(this.#ctx);
    this.#relay.ask(above, { peer, origin, incarnation, next, upTo });
    return true;
  }

  /** Whether the origin signed this message. A forger gets no answer. */
  #isGenuine(from: PeerHandle, cast: Cast): boolean {
    const { world } = this.#ctx;
    const { incarnation, sequence, payload, signature } = cast;
    const isSound = incarnation <= this.#ctx.latestIncarnation() && sequence <= mostSequence;
    const isSealed = isSound && world.verify({ ...sealOf(cast), signature });
    // The seal of a release notice covers the notice's signature, which must fit its other fields.
    if (isSealed && (payload.type === 'note' || world.verify(payload.notice))) return true;
    this.#ctx.world.tell({ type: 'refused', peer: from, what: 'a multicast that its origin did not sign' });
    return false;
  }

  #streamOf(origin: PeerHandle): Stream | undefined {
    return this.#streams.find((stream) => stream.origin === origin);
  }

  #stream(origin: PeerHandle, incarnation: number, sequence: number): Stream {
    let stream = this.#streamOf(origin);
    if (stream === undefined) {
      stream = {
        origin,
        incarnation,
        sequence,
        history: noHistory,
        early: null,
        pulledTo: 0,
        goneTo: 0,
        proven: false,
      };
      this.#streams = this.#streams.concat(stream);
      this.#redigest();
    } else if (incarnation > stream.incarnation) {
      this.#restart(stream, incarnation, sequence);
    }
    return stream;
  }

  #restart(stream: Stream, incarnation: number, sequence: number): void {
    stream.incarnation = incarnation;
    stream.sequence = sequence;
    this.#forget(stream);
    stream.early = null;
    stream.pulledTo = 0;
    stream.goneTo = 0;
    stream.proven = false;
    this.#redigest();
  }

  #forget(stream: Stream): void {
    for (const cast of stream.history) this.#keptBytes -= payloadBytes(cast);
    stream.history = noHistory;
    invariant(this.#keptBytes >= 0, 'no more is forgotten than was kept');
  }

  #pull(from: PeerHandle, stream: Stream, upTo: number): void {
    if (stream.pulledTo >= upTo) return;
    stream.pulledTo = upTo;
    const { origin, incarnation, sequence } = stream;
    this.#ctx.world.send(from, { kind: 'cast-pull', origin, incarnation, sequence: sequence + 1 });
  }

  #deliverEarly(stream: Stream, from: PeerHandle): void {
    for (;;) {
      const next = stream.early?.get(stream.sequence + 1);
      if (next === undefined) break;
      stream.early?.delete(next.sequence);
      this.#deliver(stream, next, from);
    }
    const { early } = stream;
    if (early === null) return;
    for (const sequence of early.keys()) if (sequence <= stream.sequence) early.delete(sequence);
    if (early.size === 0) stream.early = null;
  }

  #deliver(stream: Stream, cast: Cast, from: PeerHandle): void {
    invariant(cast.sequence === stream.sequence + 1, 'messages of an origin are delivered in order, without a gap');
    stream.sequence = cast.sequence;
    stream.history = stream.history.concat(cast);
    this.#keptBytes += payloadBytes(cast);
    while (
      stream.history.length > this.#ctx.options.castHistory ||
      (this.#keptBytes > historyBytes && stream.history.length > 1)
    ) {
      const [oldest] = stream.history;
      stream.history = stream.history.slice(1);
      if (oldest !== undefined) this.#keptBytes -= payloadBytes(oldest);
    }
    this.#redigest();
    for (const link of this.#neighbourhood.links()) if (link !== from) this.#ctx.world.send(link, cast);
    const { origin, incarnation, sequence, payload } = cast;
    this.#ctx.world.tell({ type: 'delivered', origin, incarnation, sequence, payload });
    this.listener?.castDelivered(cast);
  }

  #redigest(): void {
    let sum = 0;
    for (const { origin, incarnation, sequence } of this.#streams) {
      sum =
        (sum +
          mix(
            this.#ctx.world.fingerprint(origin) ^ Math.imul(incarnation, 0x9e3779b1) ^ Math.imul(sequence, 0x85ebca6b),
          )) >>>
        0;
    }
    this.#ctx.castDigest = sum & mostDigest;
  }
}

/** Whether one place in a stream comes after another. */
function isAfter(one: Omit<CastHead, 'origin'>, other: Omit<CastHead, 'origin'>): boolean {
  return (
    one.incarnation > other.incarnation || (one.incarnation === other.incarnation && one.sequence > other.sequence)
  );
}

/** What the origin signs of a multicast. */
export function sealOf(cast: Omit<Cast, 'signature'>): Unsigned<CastSeal> {
  const { origin, incarnation, sequence, payload, standing } = cast;
  const isNote = payload.type === 'note';
  return {
    type: 'cast',
    issuer: origin,
    incarnation,
    sequence,
    topic: isNote ? `note:${payload.topic}` : 'release',
    content: isNote ? payload.bytes : payload.notice.signature,
    standing,
  };
}

function payloadBytes(cast: Cast): number {
  return cast.payload.type === 'note' ? cast.payload.bytes.length + 64 : 256;
}

/** The sender gets this error at once. Later it could not be reported, and the number of the message would be missing for ever. */
function checkNote(topic: string, bytes: Uint8Array): void {
  if (bytes.length > mostNoteBytes)
    throw new RangeError(`a note of ${bytes.length} bytes on '${topic}'; a message has room for ${mostNoteBytes}`);
  // A character takes three bytes of UTF-8 at most, two halves of a pair four.
  if (topic.length * 3 > mostTopicBytes)
    throw new RangeError(
      `a topic of ${topic.length} characters; ${Math.floor(mostTopicBytes / 3)} always fit a message`,
    );
}
