/**
 * A log file that cannot fill the disk: past a size it is set aside as `.1`, the older ones move on, the oldest goes.
 *
 * Writes are synchronous, so that the last line before a crash is there. A line that cannot be written (the disk is full)
 * is counted, and the count is written when there is room again: a full disk does not end the daemon.
 */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';

export interface LogFileOptions {
  /** The size at which a file is set aside. */
  readonly maxBytes?: number;
  /** How many are kept besides the one being written. */
  readonly kept?: number;
}

export class LogFile {
  readonly path: string;
  readonly #maxBytes: number;
  readonly #kept: number;
  #descriptor: number;
  #bytes: number;
  #lost = 0;

  constructor(path: string, { maxBytes = 5_000_000, kept = 3 }: LogFileOptions = {}) {
    this.path = path;
    this.#maxBytes = maxBytes;
    this.#kept = kept;
    this.#descriptor = openSync(path, 'a', 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  /** One or more whole lines. */
  write(text: string): void {
    try {
      if (this.#bytes > 0 && this.#bytes + Buffer.byteLength(text) > this.#maxBytes) this.#rotate();
      if (this.#lost > 0) {
        this.#append(
          `{"level":40,"time":${Date.now()},"msg":"${this.#lost} lines could not be written before this one"}\n`,
        );
        this.#lost = 0;
      }
      this.#append(text);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      this.#lost += 1;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #append(text: string): void {
    this.#bytes += writeSync(this.#descriptor, text);
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    try {
      rmSync(`${this.path}.${this.#kept}`, { force: true });
      for (let number = this.#kept - 1; number >= 1; number -= 1)
        moveIfThere(`${this.path}.${number}`, `${this.path}.${number + 1}`);
      moveIfThere(this.path, `${this.path}.1`);
    } finally {
      this.#descriptor = openSync(this.path, 'a', 0o600);
      this.#bytes = fstatSync(this.#descriptor).size;
    }
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
