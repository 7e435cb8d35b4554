/** The commands' voice: asks the running daemon of a state folder over its control socket. */
import { connect, type Socket } from 'node:net';
import type { Progress } from '../../host/index.ts';
import { type ControlMethod, type ControlMethods, type ControlReply, LineSplitter, maxLineBytes } from './control.ts';
import { findControlAddress } from './control-address.ts';
import { findHolder } from './lock.ts';
import type { StateFolder } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: (step: Progress) => void;
}

export class ControlClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  /** Resolves when the daemon has closed the connection. */
  readonly closed: Promise<void>;
  #lastId = 0;

  /** Connects to the daemon of a folder; null when none runs there. @throws UserError when one runs but does not answer */
  static async find(folder: StateFolder): Promise<ControlClient | null> {
    const address = await findControlAddress(folder);
    try {
      return new ControlClient(await open(address));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (code === 'EACCES' || code === 'EPERM') {
        throw new UserError(`The daemon of ${folder.path} belongs to another user.`, {
          hint: 'Run this as that user.',
          code: 'not-yours',
        });
      }
      if (!['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ETIMEDOUT'].includes(code)) throw error;
    }
    const holder = await findHolder(folder);
    if (holder === null) return null;
    const who = holder.pid === 0 ? 'A process' : `The process ${holder.pid} (banyan ${holder.command})`;
    throw new UserError(`${who} runs on ${folder.path} but does not answer.`, {
      hint: 'It may be starting or stopping: try again in a moment. If it still does not answer, end that process and read its log.',
      code: 'no-answer',
    });
  }

  /** @throws UserError `not-running` when there is no daemon */
  static async require(folder: StateFolder, toStart: string): Promise<ControlClient> {
    const client = await ControlClient.find(folder);
    if (client !== null) return client;
    throw new UserError(`Nothing is running on ${folder.path}.`, {
      hint: `Start it with \`${toStart} --state ${folder.path}\`.`,
      code: 'not-running',
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new LineSplitter(
      64 * maxLineBytes,
      (line) => this.#received(line),
      () => socket.destroy(new Error('the daemon sent a line without an end')),
    );
    socket.on('data', (chunk) => lines.push(chunk));
    let reason = 'it closed the connection';
    socket.on('error', (error) => (reason = error.message));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.values()) {
          reject(
            new UserError(`The daemon ended before it answered: ${reason}.`, {
              hint: 'Read its log; `banyan paths` shows where it is.',
              code: 'cut-off',
            }),
          );
        }
        this.#waiting.clear();
        resolve();
      });
    });
  }

  call<Method extends ControlMethod>(
    method: Method,
    params: ControlMethods[Method]['params'],
    onProgress: (step: Progress) => void = () => undefined,
  ): Promise<ControlMethods[Method]['result']> {
    const id = (this.#lastId += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, onProgress });
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(line: string): void {
    let reply: ControlReply;
    try {
      reply = JSON.parse(line) as ControlReply;
    } catch (error) {
      this.#socket.destroy(new Error('it sent something that is not JSON', { cause: error }));
      return;
    }
    const waiting = reply.id === null ? undefined : this.#waiting.get(reply.id);
    if (reply.id === null || waiting === undefined) return;
    if ('progress' in reply) {
      waiting.onProgress(reply.progress);
      return;
    }
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting.reject(new UserError(reply.error.message, reply.error));
    else waiting.resolve(reply.result);
  }
}

/** One question to the daemon of a folder. @throws UserError `not-running`, or what the daemon answers */
export async function callControl<Method extends ControlMethod>(
  folder: StateFolder,
  method: Method,
  params: ControlMethods[Method]['params'],
  { toStart, onProgress }: { readonly toStart: string; readonly onProgress?: (step: Progress) => void },
): Promise<ControlMethods[Method]['result']> {
  const client = await ControlClient.require(folder, toStart);
  try {
    return await client.call(method, params, onProgress);
  } finally {
    client.close();
  }
}

function open(address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(address);
    socket.setTimeout(5_000, () => socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.off('error', reject);
      resolve(socket);
    });
  });
}
