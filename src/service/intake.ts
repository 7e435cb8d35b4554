/**
 * The door by which the blocks of one release come into a store.
 *
 * Every block is hashed at the door, so nothing unverified is ever on the shelf, whoever brought it. An intake ends in one
 * of two ways: `finish` makes what came durable (also when it is not all: the rest may come later from elsewhere), and a
 * failed write takes everything of this intake back, because a full disk needs its space.
 */
import { hash } from 'node:crypto';
import type { BlockReference } from './manifest.ts';
import type { PackWriter } from './pack.ts';
import { BlockMismatchError } from './service-error.ts';

interface IntakeStore {
  adopt(writer: PackWriter): Promise<void>;
  closed(): void;
  translate(error: unknown): unknown;
}

export class Intake {
  /** What the release needs and the store had not when the intake began, in the manifest's order. */
  readonly missing: readonly BlockReference[];
  readonly #writer: PackWriter;
  readonly #store: IntakeStore;
  #isOpen = true;

  constructor(missing: readonly BlockReference[], writer: PackWriter, store: IntakeStore) {
    this.missing = missing;
    this.#writer = writer;
    this.#store = store;
  }

  /**
   * Takes one block. `actual` is its SHA-256 (hex), when the caller has hashed it on the way here. When this resolves, `bytes` may be used
   * for something else.
   * @throws BlockMismatchError when the bytes are not the block: nothing is written, the intake stays usable.
   * @throws DiskFullError when the disk is full: the intake is over and its space given back.
   */
  async write(block: BlockReference, bytes: Uint8Array, actual = hash('sha256', bytes, 'hex')): Promise<void> {
    if (actual !== block.hash || bytes.length !== block.size) throw new BlockMismatchError(block.hash, actual);
    await this.#orGiveUp(() => this.#writer.append(block.hash, bytes));
  }

  /** Makes the blocks that came durable and readable. */
  async finish(): Promise<void> {
    if (!this.#isOpen) return;
    await this.#orGiveUp(() => this.#store.adopt(this.#writer));
    this.#close();
  }

  async #orGiveUp(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (this.#isOpen) {
        this.#close();
        await this.#writer.discard();
      }
      throw this.#store.translate(error);
    }
  }

  #close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#store.closed();
  }
}
