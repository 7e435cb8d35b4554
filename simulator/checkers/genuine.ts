/**
 * Nobody speaks in another's name: what is delivered as somebody's multicast was published by it, word for word. Told from what
 * the origins really published, not from signatures.
 */
import type { CastPayload, PeerHandle } from '../../src/core/index.ts';
import type { Checker } from './checker.ts';

/** What liars say in their own name is theirs to say. */
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
