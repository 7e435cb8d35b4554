/**
 * Back-pressure on a libp2p stream: waiting until it really takes more, and letting it deliver again.
 *
 * `send` that returns false is only advice: a stream goes on taking megabytes. Worse, one `drain` event does not mean
 * that the backlog is gone, only that some of it moved; who sends on every `drain` builds up memory all the same. So
 * this waits until the stream no longer asks for patience after it has had its turn.
 */
import type { Stream } from '@libp2p/interface';

/** The stream ended while somebody waited for room in it. */
export class StreamCutError extends Error {
  override readonly name = 'StreamCutError';
  readonly code = 'ERR_STREAM_CUT';
}

/**
 * Calls back once: without an error when the stream can take more, with one when it has closed.
 * Calls back at once (synchronously) when there is nothing to wait for.
 */
export function whenWritable(stream: Stream, done: (error?: Error) => void): void {
  if (stream.writeStatus === 'closed') {
    done(new StreamCutError('the stream was closed'));
    return;
  }
  if (!stream.writableNeedsDrain) {
    done();
    return;
  }
  const onDrain = (): void => {
    // The stream itself goes on sending its backlog in a microtask that it has queued before this one.
    queueMicrotask(() => {
      if (stream.writableNeedsDrain) return;
      finish();
    });
  };
  const onClose = (event: { error?: Error }): void =>
    finish(event.error ?? new StreamCutError('the stream was closed'));
  let finished = false;
  const finish = (error?: Error): void => {
    if (finished) return;
    finished = true;
    stream.removeEventListener('drain', onDrain);
    stream.removeEventListener('close', onClose);
    done(error);
  };
  stream.addEventListener('drain', onDrain);
  stream.addEventListener('close', onClose);
}

/** `whenWritable` as a promise. */
export async function writable(stream: Stream): Promise<void> {
  if (!stream.writableNeedsDrain && stream.writeStatus === 'writable') return;
  await new Promise<void>((resolve, reject) => {
    whenWritable(stream, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

/** A stream or a connection. Connections have `readStatus` too, only their interface does not say so. */
export interface Pausable extends Pick<Stream, 'status' | 'pause' | 'resume'> {
  readonly readStatus?: Stream['readStatus'];
}

/** Those that are delivering what they held back, and those of them whose listener has had enough already. */
const resuming = new WeakSet<Pausable>();
const hasEnough = new WeakSet<Pausable>();

/**
 * Holds a stream back; may be called from its own `message` listener. A stream that is just resuming takes a pause by
 * its listener for its own state but asks the other side for more all the same, until its buffer bursts: so such a pause
 * waits until the resuming is done.
 */
export function pauseReading(stream: Pausable): void {
  if (stream.readStatus !== 'readable') return;
  if (resuming.has(stream)) hasEnough.add(stream);
  else stream.pause();
}

/** Lets a paused stream deliver again, what it still holds after its connection has closed included. */
export function resumeReading(stream: Pausable): void {
  hasEnough.delete(stream);
  if (stream.readStatus !== 'paused') return;
  resuming.add(stream);
  try {
    stream.resume();
  } catch (error) {
    // The buffer has been delivered by now; only telling the other side failed, which no longer listens.
    if (stream.status === 'open') throw error;
  } finally {
    resuming.delete(stream);
  }
  if (hasEnough.delete(stream)) pauseReading(stream);
}
