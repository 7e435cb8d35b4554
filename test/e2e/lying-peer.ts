/**
 * A volunteer that lies: the real program, with one letter of every answer that it gives to readers changed on the way out.
 *
 * What it stores and what it passes on to other servers is left alone, as a clever liar would leave it: only those who read
 * are cheated. Run by a test as a process of its own, with the arguments of `banyan`.
 */
import { type IncomingMessage, Server, type ServerResponse } from 'node:http';

type Chunk = Uint8Array | string;

const emit = Server.prototype.emit;
Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]): boolean {
  if (event === 'request') {
    const [request, response] = args as [IncomingMessage, ServerResponse];
    // Plain bytes: a lie in compressed ones would be mere noise.
    delete request.headers['accept-encoding'];
    falsify(response);
  }
  return Reflect.apply(emit, this, [event, ...args]) as boolean;
} as typeof emit;

/** Every piece of the body leaves with its last byte changed; lengths and headers stay true. */
function falsify(response: ServerResponse): void {
  const { write, end } = response;
  const changed = (chunk: unknown): unknown => (isBytes(chunk) ? bent(chunk) : chunk);
  response.write = ((chunk: unknown, ...rest: unknown[]) =>
    Reflect.apply(write, response, [changed(chunk), ...rest]) as boolean) as typeof write;
  response.end = ((chunk: unknown, ...rest: unknown[]) =>
    Reflect.apply(end, response, [changed(chunk), ...rest]) as ServerResponse) as typeof end;
}

function isBytes(chunk: unknown): chunk is Chunk {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

function bent(chunk: Chunk): Buffer {
  const bytes = Buffer.from(chunk);
  const last = bytes.length - 1;
  if (last >= 0) bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  return bytes;
}

await import(new URL('../../src/main.js', import.meta.url).href);
