/**
 * What a server says about its own load to its person: being full stands among the problems of `banyan status` as long as it lasts, and who
 * was sent on stands in the log.
 */
import type { PeerHandle } from '../../core/index.ts';
import type { Load, QosEvent } from '../../qos/index.ts';
import type { HostLogger } from '../../network/index.ts';
import type { Problems } from '../problems.ts';

/** Tells what happened, if it is about the load. */
export function tellLoad(
  event: QosEvent,
  problems: Problems,
  logger: HostLogger,
  peerIdOf: (peer: PeerHandle) => string,
): void {
  const sentence = loadSentence(event);
  if (sentence === null) return;
  if (event.type === 'fullness-changed' && event.full !== null) {
    problems.say('full', sentence);
    return;
  }
  if (event.type === 'fullness-changed') problems.over('full');
  const clients = event.type === 'shed' ? event.clients.map(peerIdOf) : [];
  logger.warn({ about: 'full', clients }, sentence);
}

/** In a sentence; null for what is not about the load. */
export function loadSentence(event: QosEvent): string | null {
  if (event.type === 'shed') {
    const { clients, load } = event;
    return `${clientsText(clients.length)} of ${load.clients} sent on to the next server: ${whyOf(load)}.`;
  }
  if (event.type !== 'fullness-changed') return null;
  if (event.full === null) return 'This server takes new clients again.';
  const { places } = event.load;
  // It stands there for as long as it lasts, and clients come and go meanwhile.
  const why = event.full === 'places' ? `it has as many clients as it offered to take (${places})` : whyOf(event.load);
  return `This server is full: ${why}. No new clients come for now; nothing needs to be done.`;
}

function whyOf({ clients, places, serveMs, usualMs }: Load): string {
  if (places > 0 && clients >= places) return `it has ${clientsText(clients)} and offered to take ${places}`;
  return `a request takes ${Math.round(serveMs)} ms here, and ${Math.round(usualMs)} ms at the usual server`;
}

function clientsText(count: number): string {
  return count === 1 ? '1 client' : `${count} clients`;
}
