/** What a server says about its own load, in a sentence for its person; null for what is not about that. Pure. */
import type { Load, QosEvent } from '../qos/index.ts';

export function loadSentence(event: QosEvent): string | null {
  if (event.type === 'shed') {
    const { clients, load } = event;
    return `${clientsText(clients.length)} of ${load.clients} sent on to the next server: ${whyOf(load)}.`;
  }
  if (event.type !== 'fullness-changed') return null;
  if (event.full === null) return 'This server takes new clients again.';
  return `This server is full: ${whyOf(event.load)}. No new clients come for now; nothing needs to be done.`;
}

function whyOf({ clients, places, serveMs, usualMs }: Load): string {
  if (places > 0 && clients >= places) return `it has ${clientsText(clients)} and offered to take ${places}`;
  return `a request takes ${Math.round(serveMs)} ms here, and ${Math.round(usualMs)} ms at the usual server`;
}

function clientsText(count: number): string {
  return count === 1 ? '1 client' : `${count} clients`;
}
