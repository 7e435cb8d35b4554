/**
 * No forgery: a multicast that is delivered was published by its origin, word for word. Compared with what the origins really published,
 * not with signatures.
 */
import type { CastPayload, PeerHandle } from '../../src/core/index.ts';
import type { Checker } from './checker.ts';

/** A liar may publish anything in its own name. */
export function noForgery(isLiar: (peer: PeerHandle) => boolean): Checker {
  const found: string[] = [];
  const published = new Map<string, string>();
  return {
    name: 'no forged multicast',
    observed(farm, peer, event) {
      if (event.type !== 'delivered' || isLiar(event.origin)) return;
      const { origin, incarnation, sequence, payload } = event;
      const name = `${origin}/${incarnation}:${sequence}`;
      if (origin === peer) published.set(name, contentOf(payload));
      else if (published.get(name) !== contentOf(payload))
        found.push(`at ${farm.nowMs} ms peer ${peer} was told ${name}, which ${origin} did not publish so`);
    },
    verdict: () => found,
  };
}

function contentOf(payload: CastPayload): string {
  if (payload.type === 'note') return `${payload.topic} ${payload.bytes.join()}`;
  const { number, sizeBytes, digest } = payload.notice;
  return `release ${number} ${sizeBytes} ${digest.join()}`;
}
