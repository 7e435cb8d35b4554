/**
 * Listening to a libp2p stream so that its three possible ends are told apart.
 *
 * A stream can end because the other side said that no more will come, because one side broke it, or because the
 * connection below vanished. libp2p reports the last much like the first. What counts here is whether the goodbye was
 * heard; without it an end is a cut. (A node that shuts down says goodbye for all of its streams, so a transfer must
 * still know by itself when it is complete.)
 */
import type { Stream } from '@libp2p/interface';
import { StreamCutError } from './stream-drain.ts';

export interface StreamReader {
  /** Bytes, in the pieces they came in. */
  data(chunk: Uint8Array): void;
  /** The other side will send no more, and all it sent has been given to `data`. Called once, or `cut` is. */
  end(): void;
  /** The stream broke. May come after `end` when our own writing was cut. */
  cut(error: Error): void;
}

/** Starts delivering; bytes that came before are delivered too. Pausing the stream holds `data` and `end` back. */
export function readStream(stream: Stream, reader: StreamReader): void {
  // The goodbye may have come before anybody listened.
  let saidGoodbye = stream.remoteWriteStatus === 'closed' && (stream.status === 'open' || stream.status === 'closing');
  let isOver = false;
  const end = (): void => {
    if (isOver || !saidGoodbye) return;
    isOver = true;
    reader.end();
  };
  stream.addEventListener('remoteCloseWrite', () => {
    saidGoodbye = true;
  });
  stream.addEventListener('end', end);
  stream.addEventListener('close', ({ error }) => {
    if (error === undefined && saidGoodbye) return;
    isOver = true;
    reader.cut(error ?? new StreamCutError('the connection was closed'));
  });
  stream.addEventListener('message', ({ data }) => {
    if (data instanceof Uint8Array) reader.data(data);
    else for (const chunk of data) reader.data(chunk);
    // What was read ahead during protocol negotiation comes after the stream has announced its end.
    if (stream.readableEnded && stream.readBufferLength === 0) end();
  });
  if (stream.status === 'aborted' || stream.status === 'reset') {
    isOver = true;
    reader.cut(new StreamCutError('the stream was broken before it was read'));
  } else if (stream.readableEnded && stream.readBufferLength === 0) {
    end();
  }
}
