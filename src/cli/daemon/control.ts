/**
 * What is said on the control socket, by which commands talk to a running daemon.
 *
 *     -> {"id":1,"method":"update","params":{"folder":"/srv/site"}}
 *     <- {"id":1,"progress":{"step":"hashing","done":3,"total":10}}
 *     <- {"id":1,"result":{"number":2,"files":10,"bytes":48213,"changed":true,"leftOut":[]}}
 *     <- {"id":1,"error":{"message":"…","hint":"…","code":"…"}}      instead of a result
 *
 * One JSON object a line, in UTF-8, at most `maxLineBytes` long. Answers come in any order and bear the request's id. A line that
 * cannot be understood is answered with id null; one that is too long closes the connection, since its end may
 * never come. New methods and fields may be added; those not known are refused, or ignored, by name.
 */
import type {
  DecisionEntry,
  ExplainOptions,
  Invitation,
  InviteOptions,
  NodeStatus,
  Progress,
  UpdateResult,
} from '../../host/index.ts';
import type { Part } from '../state/state-folder.ts';

export const maxLineBytes = 1024 * 1024;

export interface DaemonInfo {
  readonly pid: number;
  readonly version: string;
  readonly command: string;
  readonly part: Part;
  readonly startedAtMs: number;
  readonly stateFolder: string;
  readonly logFile: string | null;
  /** Where its HTTP face listens; null when it has none. */
  readonly url: string | null;
  /** Started with --never-serve, or as a reader or gateway. */
  readonly neverServes: boolean;
}

/** What may be asked, and what is answered. */
export interface ControlMethods {
  info: { params: Record<string, never>; result: DaemonInfo };
  status: { params: Record<string, never>; result: NodeStatus };
  invite: { params: InviteOptions; result: Invitation };
  update: { params: { readonly folder: string }; result: UpdateResult };
  explain: { params: ExplainOptions; result: readonly DecisionEntry[] };
  volunteer: { params: Record<string, never>; result: null };
  drain: { params: Record<string, never>; result: null };
  leave: { params: Record<string, never>; result: null };
  stop: { params: Record<string, never>; result: null };
}

export type ControlMethod = keyof ControlMethods;

export interface ControlError {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly code: string;
}

/** What a daemon says. */
export type ControlReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number | null; readonly error: ControlError }
  | { readonly id: number; readonly progress: Progress };

/** Cuts a stream of bytes into lines. Remembers at most one line; after `tooLong` it calls nothing more. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #onLine: (line: string) => void;
  readonly #tooLong: () => void;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isOver = false;

  constructor(maxBytes: number, onLine: (line: string) => void, tooLong: () => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#tooLong = tooLong;
  }

  push(chunk: Buffer): void {
    let start = 0;
    while (!this.#isOver) {
      const end = chunk.indexOf(0x0a, start);
      const part = chunk.subarray(start, end === -1 ? undefined : end);
      this.#bytes += part.length;
      if (this.#bytes > this.#maxBytes) {
        this.#isOver = true;
        this.#parts = [];
        this.#tooLong();
        return;
      }
      if (part.length > 0) this.#parts.push(part);
      if (end === -1) return;
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
      this.#onLine(line);
    }
  }
}
