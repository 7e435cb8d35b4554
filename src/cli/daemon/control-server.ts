/**
 * The daemon's ear: answers commands on the control socket.
 *
 * Whoever can open the socket is its user, but programs have bugs: what cannot be understood is answered with an error, a
 * connection that sends too much or never reads is closed, and no request, however it fails, ends the daemon.
 */
import { chmod } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Progress } from '../../host/index.ts';
import { type ControlReply, LineSplitter, maxLineBytes } from './control.ts';
import { nearestWord } from '../words/suggestion.ts';
import { UserError, tellError } from '../words/user-error.ts';

/** Answers one method. Params are an object that came over the socket: check before use. */
export type ControlHandler = (params: Readonly<Record<string, unknown>>, progress: (step: Progress) => void) => unknown;

export interface ControlServer {
  /** Stops listening, lets answers under way be sent, and closes. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  /** A path, or the name of a pipe. */
  readonly address: string;
  readonly methods: ReadonlyMap<string, ControlHandler>;
  /** Told of requests that failed in a way nobody foresaw. */
  readonly onError: (error: unknown, method: string) => void;
}

const maxConnections = 64;
const maxUnderWay = 32;
/** What may wait for a reader that does not read. */
const maxUnreadBytes = 8 * 1024 * 1024;

export async function serveControl({ address, methods, onError }: ControlServerOptions): Promise<ControlServer> {
  const conversations = new Set<Conversation>();
  const server = createServer((socket) => {
    const conversation = new Conversation(socket, methods, onError);
    conversations.add(conversation);
    socket.once('close', () => conversations.delete(conversation));
  });
  server.maxConnections = maxConnections;
  await listen(server, address);
  if (process.platform !== 'win32') await chmod(address, 0o600);
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const conversation of conversations) conversation.finish();
      await closed;
    },
  };
}

function listen(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

class Conversation {
  readonly #socket: Socket;
  readonly #methods: ReadonlyMap<string, ControlHandler>;
  readonly #onError: ControlServerOptions['onError'];
  #underWay = 0;
  #isFinishing = false;

  constructor(socket: Socket, methods: ReadonlyMap<string, ControlHandler>, onError: ControlServerOptions['onError']) {
    this.#socket = socket;
    this.#methods = methods;
    this.#onError = onError;
    const lines = new LineSplitter(
      maxLineBytes,
      (line) => this.#received(line),
      () => {
        this.#refuse(null, `A line may not be longer than ${maxLineBytes} bytes.`, 'line-too-long');
        socket.destroySoon();
      },
    );
    socket.on('data', (chunk) => lines.push(chunk));
    // A client that is gone needs no answer; 'close' follows and ends this conversation.
    socket.on('error', () => socket.destroy());
  }

  /** No more requests; closes when the answers under way are out. */
  finish(): void {
    this.#isFinishing = true;
    if (this.#underWay === 0) this.#socket.destroySoon();
  }

  #received(line: string): void {
    if (line.trim() === '') return;
    let request: { id?: unknown; method?: unknown; params?: unknown } | null;
    try {
      request = JSON.parse(line) as typeof request;
    } catch (error) {
      this.#refuse(null, `This is not JSON (${error instanceof Error ? error.message : String(error)}).`, 'malformed');
      return;
    }
    const { id, method, params = {} } = typeof request === 'object' && request !== null ? request : {};
    if (typeof id !== 'number' || !Number.isSafeInteger(id)) {
      this.#refuse(null, 'A request needs an id, a whole number.', 'malformed');
    } else if (typeof method !== 'string' || !isObject(params)) {
      this.#refuse(id, 'A request needs a method, a text, and params, an object.', 'malformed');
    } else if (this.#isFinishing) {
      this.#refuse(id, 'The daemon is stopping.', 'stopping');
    } else if (this.#underWay >= maxUnderWay) {
      this.#refuse(id, `${maxUnderWay} requests are under way on this connection: wait for an answer.`, 'busy');
    } else {
      void this.#answer(id, method, params);
    }
  }

  /** Never rejects: what fails is what is answered. */
  async #answer(id: number, method: string, params: Readonly<Record<string, unknown>>): Promise<void> {
    this.#underWay += 1;
    try {
      const handler = this.#methods.get(method);
      if (handler === undefined) throw unknownMethod(method, this.#methods.keys());
      const result = await handler(params, (progress) => this.#progress(id, progress));
      this.#send({ id, result: result ?? null });
    } catch (error) {
      const { message, hint, code, isExpected } = tellError(error);
      if (!isExpected) this.#onError(error, method);
      this.#send({ id, error: { message, hint, code } });
    } finally {
      this.#underWay -= 1;
      if (this.#isFinishing) this.finish();
    }
  }

  /** Steps may be dropped for a slow reader; only the last one matters. */
  #progress(id: number, progress: Progress): void {
    if (!this.#socket.writableNeedDrain) this.#send({ id, progress });
  }

  #refuse(id: number | null, message: string, code: string): void {
    this.#send({ id, error: { message, code } });
  }

  #send(reply: ControlReply): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.write(`${JSON.stringify(reply)}\n`);
    if (this.#socket.writableLength > maxUnreadBytes) this.#socket.destroy();
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownMethod(method: string, known: Iterable<string>): UserError {
  const name = method.slice(0, 40);
  const nearest = nearestWord(name, known);
  return new UserError(`The daemon knows no method "${name}".`, {
    hint: nearest === undefined ? 'It may be older than this command: restart it.' : `Did you mean ${nearest}?`,
    code: 'unknown-method',
  });
}
