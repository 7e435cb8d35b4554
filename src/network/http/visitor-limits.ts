/**
 * What one peer may ask of our data plane: so many requests at a time, and so many a second.
 *
 * A server is a volunteer's machine, and one peer must not take all of it. The limits are wide, because a gateway asks on
 * behalf of all its users; who goes beyond is told so (429, Retry-After), which a reader takes as a reason to ask another
 * server. Sizes are bounded where they arise: a request's head by the HTTP server, the speed of answers by the upload limit.
 */
import type { RequestListener } from 'node:http';
import { InboundLimiter } from '../rate-limit.ts';
import { Turnstile } from '../turnstile.ts';
import { StreamDuplex } from '../streams/stream-duplex.ts';

export interface VisitorLimits {
  /** Requests of one peer that may be under way, over all its connections. */
  readonly requestsAtOnce: number;
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
}

export const visitorLimits: VisitorLimits = { requestsAtOnce: 128, requestsPerSecond: 2_000, requestBurst: 4_000 };

/** A listener that passes on what a peer may ask for and refuses the rest. Requests that come by other ways pass. */
export function withinLimits(listener: RequestListener, limits: VisitorLimits = visitorLimits): RequestListener {
  const { requestsAtOnce, requestsPerSecond: messagesPerSecond, requestBurst: messageBurst } = limits;
  const turnstile = new Turnstile(requestsAtOnce);
  const rates = new InboundLimiter({ messagesPerSecond, messageBurst, bytesPerSecond: 1, byteBurst: 1 });
  return (request, response) => {
    const { socket } = request;
    if (!(socket instanceof StreamDuplex)) {
      listener(request, response);
      return;
    }
    const { remotePeer } = socket;
    const nowMs = performance.now();
    const refuse = (limit: string): void => {
      request.resume();
      response.writeHead(429, { 'retry-after': '1', 'content-type': 'text/plain; charset=utf-8' });
      response.end(`This server answers one peer at most ${limit}. Ask another server, or this one later.\n`);
    };
    rates.touch(remotePeer, nowMs);
    if (rates.refusal(remotePeer, 0, nowMs) !== undefined) {
      refuse(`${messagesPerSecond} requests a second`);
      return;
    }
    if (!turnstile.enter(remotePeer)) {
      refuse(`${requestsAtOnce} requests at a time`);
      return;
    }
    response.once('close', () => turnstile.leave(remotePeer));
    listener(request, response);
  };
}
