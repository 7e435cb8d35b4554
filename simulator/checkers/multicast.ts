/**
 * A multicast is delivered exactly once, in order per origin, to every peer that was present.
 *
 * A peer that came later may begin in the middle of a stream, and a peer may skip what its neighbours have forgotten; events report both.
 * Within one life nothing else may be missing. `missing` checks more, for a farm at rest: a peer that was attached when a message was
 * published and has lived on has delivered it, or reported it as lost, if its origin has lived on too.
 */
import type { PeerEvent, PeerHandle } from '../../src/core/index.ts';
import type { SimulatedFarm } from '../farm.ts';
import type { Checker } from './checker.ts';

export interface MulticastChecker extends Checker {
  /** Sentences about messages that a peer attached throughout neither delivered nor reported as lost. */
  missing(farm: SimulatedFarm): string[];
  /** Deliveries that were due to peers attached throughout, and how many of them were given up (`gap-skipped`). */
  due(farm: SimulatedFarm): { deliveries: number; lost: number };
}

interface Publication {
  readonly origin: PeerHandle;
  readonly life: number;
  readonly incarnation: number;
  readonly sequence: number;
  readonly atMs: number;
}

/** The part of one stream that one life of a peer received: all from `first` to `last`. */
interface Span {
  readonly first: number;
  last: number;
  /** Gaps within that were given up: from, to, and when. A gap given up before any message was published in it is no excuse. */
  readonly lost: (readonly [from: number, to: number, atMs: number])[];
}

/** A message published at most this long ago may still be on its way, ms. */
const underWayMs = 20_000;

type Delivered = Extract<PeerEvent, { type: 'delivered' }>;

/** A liar's messages need not reach anybody. */
export function onceInOrder(isLiar: (peer: PeerHandle) => boolean = () => false): MulticastChecker {
  const found: string[] = [];
  const spans = new Map<string, Span>();
  const published: Publication[] = [];
  /** When each life of a peer was first attached, ms. */
  const attachedAtMs = new Map<string, number>();

  function delivered(farm: SimulatedFarm, peer: PeerHandle, { origin, incarnation, sequence }: Delivered): void {
    if (origin === peer) published.push({ origin, life: farm.life(peer), incarnation, sequence, atMs: farm.nowMs });
    const key = `${lifeOf(farm, peer)} ${origin} ${incarnation}`;
    const span = spans.get(key);
    if (span === undefined) {
      spans.set(key, { first: sequence, last: sequence, lost: [] });
      return;
    }
    if (sequence !== span.last + 1) {
      found.push(`at ${farm.nowMs} ms peer ${peer} got ${origin}/${incarnation}:${sequence} after ${span.last}`);
    }
    span.last = sequence;
  }

  /** Every message of an origin that has lived on, for every peer that was attached then and has lived on. */
  function* owed(farm: SimulatedFarm): Generator<{ cast: Publication; peer: PeerHandle; span: Span | undefined }> {
    for (const cast of published) {
      if (isLiar(cast.origin) || farm.nowMs - cast.atMs < underWayMs) continue;
      if (farm.peer(cast.origin)?.role === 'outside' || farm.life(cast.origin) !== cast.life) continue;
      for (const { self } of farm.living()) {
        const life = lifeOf(farm, self);
        if (self === cast.origin || !((attachedAtMs.get(life) ?? Number.NaN) < cast.atMs)) continue;
        yield { cast, peer: self, span: spans.get(`${life} ${cast.origin} ${cast.incarnation}`) };
      }
    }
  }

  return {
    name: 'multicast once in order',
    observed(farm, peer, event) {
      if (event.type === 'attached') {
        const life = lifeOf(farm, peer);
        if (!attachedAtMs.has(life)) attachedAtMs.set(life, farm.nowMs);
      } else if (event.type === 'left') {
        attachedAtMs.delete(lifeOf(farm, peer));
      } else if (event.type === 'gap-skipped') {
        const key = `${lifeOf(farm, peer)} ${event.origin} ${event.from.incarnation}`;
        const span = spans.get(key) ?? { first: event.from.sequence + 1, last: 0, lost: [] };
        span.last = event.to - 1;
        span.lost.push([event.from.sequence + 1, event.to - 1, farm.nowMs]);
        spans.set(key, span);
      } else if (event.type === 'delivered') {
        delivered(farm, peer, event);
      }
    },
    verdict: () => found,
    missing(farm) {
      const sentences: string[] = [];
      for (const { cast, peer, span } of owed(farm)) {
        const { origin, incarnation, sequence, atMs } = cast;
        const isWithin = span !== undefined && span.first <= sequence && sequence <= span.last;
        const isSkipped = span?.lost.some(([from, to, at]) => from <= sequence && sequence <= to && at < atMs) ?? false;
        if (isWithin && !isSkipped) continue;
        sentences.push(`peer ${peer} never got ${origin}/${incarnation}:${sequence}, published at ${atMs} ms`);
      }
      return sentences;
    },
    due(farm) {
      let deliveries = 0;
      let lost = 0;
      for (const { cast, span } of owed(farm)) {
        deliveries++;
        if (span?.lost.some(([from, to]) => from <= cast.sequence && cast.sequence <= to) === true) lost++;
      }
      return { deliveries, lost };
    },
  };
}

function lifeOf(farm: SimulatedFarm, peer: PeerHandle): string {
  return `${peer}.${farm.life(peer)}`;
}
