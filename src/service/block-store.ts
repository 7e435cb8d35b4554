/**
 * Blocks by their hash, whichever release they came with.
 *
 * A library that shelves pages by what is written on them: releases share the pages they have in common. On disk there are packs
 * (see pack.ts); in memory an index from hash to place, rebuilt from the packs' headers at start, so that there is no
 * second file that could disagree with the first. Every block is hashed whenever it is read: disks of volunteers do rot.
 * A block that fails is forgotten and reported, and the next transfer brings it again. Space comes back by
 * collection: a pack with nothing live is removed, one that is mostly dead has its live blocks copied out. A pack that
 * somebody is still reading is removed when the last reader leaves.
 */
import { hash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable-file.ts';
import type { BlockReference } from './manifest.ts';
import { PackWriter, recordHeaderBytes, type PackRecord, readFully, scanPack } from './pack.ts';
import { BlockDamagedError, DiskFullError, ServiceError } from './service-error.ts';

/** For so long after a block was hashed its disk is trusted by who passes it on to somebody that hashes it anyway. */
const freshMs = 10 * 60_000;

interface Pack {
  readonly path: string;
  readonly file: FileHandle;
  readonly bytes: number;
  readers: number;
  retired: boolean;
}

interface Place {
  readonly pack: Pack;
  readonly offset: number;
  readonly size: number;
  /** When its bytes were last known to hash right (monotonic, ms); minus infinity for never since the start. */
  checkedAtMs: number;
}

/** A few blocks held for reading: they stay readable until {@link release}, whatever is collected meanwhile. */
export interface BlockLease {
  /** The bytes of the `index`-th block, checked. @throws BlockDamagedError */
  read(index: number): Promise<Buffer>;
  /** Fills `target` from `offset` of the `index`-th block, unchecked: for who hashes while the bytes pass through. */
  readPart(index: number, offset: number, target: Buffer): Promise<void>;
  /** True when the block was hashed a short while ago: then it may be passed on without hashing it once more. */
  isFresh(index: number): boolean;
  /** Tells what hashing the parts of a block on the way has shown; false asks for a check before the next use. */
  setChecked(index: number, isRight: boolean): void;
  /** What to throw when the parts of a block did not hash; the block is forgotten and reported. */
  damaged(index: number): BlockDamagedError;
  /** To be called once, also after an error. */
  release(): void;
}

export class BlockStore {
  readonly folder: string;
  readonly #index = new Map<string, Place>();
  readonly #packs = new Set<Pack>();
  readonly #onDamaged: (error: BlockDamagedError) => void;
  #nextNumber = 1;
  #closed = false;

  private constructor(folder: string, onDamaged: (error: BlockDamagedError) => void) {
    this.folder = folder;
    this.#onDamaged = onDamaged;
  }

  static async open(folder: string, onDamaged: (error: BlockDamagedError) => void): Promise<BlockStore> {
    await mkdir(folder, { recursive: true });
    const store = new BlockStore(folder, onDamaged);
    const names = (await readdir(folder)).filter((name) => /^\d{8}\.(pack|part)$/.test(name)).sort();
    for (const name of names) {
      store.#nextNumber = Math.max(store.#nextNumber, Number.parseInt(name, 10) + 1);
      await store.#load(join(folder, name), name.endsWith('.part'));
    }
    return store;
  }

  /** Bytes of all packs on disk. */
  get usedBytes(): number {
    let sum = 0;
    for (const pack of this.#packs) sum += pack.bytes;
    return sum;
  }

  has(block: BlockReference): boolean {
    return this.#index.get(block.hash)?.size === block.size;
  }

  /** What the blocks among `wanted` take on disk that are here. */
  liveBytes(wanted: ReadonlySet<string>): number {
    let sum = 0;
    for (const blockHash of wanted) {
      const place = this.#index.get(blockHash);
      if (place !== undefined) sum += place.size + recordHeaderBytes;
    }
    return sum;
  }

  /** @throws DiskFullError when the file system has less than `bytes` free. */
  async requireFree(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    if (bavail * bsize >= bytes) return;
    throw new DiskFullError(this.folder, `${megabytes(bytes)} MB are needed, ${megabytes(bavail * bsize)} MB are free`);
  }

  async createWriter(): Promise<PackWriter> {
    return PackWriter.create(join(this.folder, `${this.#takeNumber()}.part`));
  }

  /** Makes a written pack durable and its blocks readable. An empty one is dropped. */
  async adopt(writer: PackWriter): Promise<void> {
    if (writer.records.length === 0) {
      await writer.discard();
      return;
    }
    const path = writer.path.replace(/\.part$/, '.pack');
    const file = await writer.seal(path);
    await syncFolder(this.folder);
    this.#add({ path, file, bytes: writer.bytes, readers: 0, retired: false }, writer.records, true);
  }

  /** @throws BlockDamagedError when one of them is not here. */
  lease(blocks: readonly BlockReference[]): BlockLease {
    if (this.#closed) throw new ServiceError('store-closed', `The store in ${this.folder} is closed.`);
    const places = blocks.map((block) => {
      const place = this.#index.get(block.hash);
      if (place === undefined) throw new BlockDamagedError(block.hash, this.folder);
      return place;
    });
    const packs = [...new Set(places.map((place) => place.pack))];
    for (const pack of packs) pack.readers += 1;
    let released = false;
    const at = (index: number): readonly [string, Place] => {
      const [block, place] = [blocks[index], places[index]];
      if (block === undefined || place === undefined || released) throw new Error('a block outside the lease');
      return [block.hash, place];
    };
    return {
      read: async (index) => this.#readPlace(...at(index)),
      readPart: async (index, offset, target) => {
        const [, place] = at(index);
        const filled = await readFully(place.pack.file, target, place.offset + offset);
        target.fill(0, filled); // what the file has lost: the hash will tell, and nothing of our memory goes out instead
      },
      isFresh: (index) => performance.now() - at(index)[1].checkedAtMs < freshMs,
      setChecked: (index, isRight) => {
        at(index)[1].checkedAtMs = isRight ? performance.now() : Number.NEGATIVE_INFINITY;
      },
      damaged: (index) => this.#forget(...at(index)),
      release: () => {
        if (released) return;
        released = true;
        for (const pack of packs) {
          pack.readers -= 1;
          this.#removeIfUnread(pack).catch(() => undefined); // still there: the next start finds it and sweeps it away
        }
      },
    };
  }

  async read(block: BlockReference): Promise<Buffer> {
    const lease = this.lease([block]);
    try {
      return await lease.read(0);
    } finally {
      lease.release();
    }
  }

  /**
   * Gives back the space of blocks that are not in `keep`.
   * @param minDeadShare packs with a smaller dead part are left alone (rewriting them costs more than it brings).
   * @param maxBytes packs are only rewritten while that does not take the store above this.
   */
  async collect(keep: ReadonlySet<string>, minDeadShare = 0.5, maxBytes = Number.POSITIVE_INFINITY): Promise<void> {
    const live = new Map<Pack, [string, Place][]>([...this.#packs].map((pack) => [pack, []]));
    for (const entry of this.#index) {
      if (keep.has(entry[0])) live.get(entry[1].pack)?.push(entry);
      else this.#index.delete(entry[0]);
    }
    for (const [pack, entries] of live) {
      const liveBytes = entries.reduce((sum, [, place]) => sum + place.size + recordHeaderBytes, 0);
      const deadShare = 1 - liveBytes / pack.bytes;
      if (deadShare <= 0 || deadShare < minDeadShare) continue;
      if (liveBytes > 0) {
        if (this.usedBytes + liveBytes > maxBytes) continue;
        await this.#copyOut(entries);
      }
      await this.#retire(pack);
    }
  }

  /** Reads every block once; those that fail are reported and forgotten. Returns how many failed. */
  async check(): Promise<number> {
    let damaged = 0;
    for (const [blockHash, place] of this.#index) {
      if (this.#index.get(blockHash) !== place) continue;
      try {
        await this.read({ hash: blockHash, size: place.size });
      } catch (error) {
        if (!(error instanceof BlockDamagedError)) throw error;
        damaged += 1;
      }
    }
    return damaged;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#index.clear();
    const packs = [...this.#packs];
    this.#packs.clear();
    await Promise.all(packs.map((pack) => pack.file.close()));
  }

  async #load(path: string, unfinished: boolean): Promise<void> {
    const file = await open(path, unfinished ? 'r+' : 'r');
    const { records, endsAt, fileBytes } = await scanPack(file, unfinished);
    if (records.length === 0) {
      await file.close();
      await rm(path);
      return;
    }
    let finalPath = path;
    if (unfinished) {
      await file.truncate(endsAt);
      await file.sync();
      finalPath = path.replace(/\.part$/, '.pack');
      await rename(path, finalPath);
      await syncFolder(this.folder);
    }
    const bytes = unfinished ? endsAt : fileBytes;
    this.#add({ path: finalPath, file, bytes, readers: 0, retired: false }, records, unfinished);
  }

  #add(pack: Pack, records: readonly PackRecord[], wereHashed: boolean): void {
    this.#packs.add(pack);
    const checkedAtMs = wereHashed ? performance.now() : Number.NEGATIVE_INFINITY;
    // A later pack wins: it holds what was fetched again after damage.
    for (const { hash: blockHash, offset, size } of records) {
      this.#index.set(blockHash, { pack, offset, size, checkedAtMs });
    }
  }

  async #readPlace(blockHash: string, place: Place): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(place.size);
    const filled = await readFully(place.pack.file, bytes, place.offset);
    if (filled === place.size && hash('sha256', bytes, 'hex') === blockHash) {
      place.checkedAtMs = performance.now();
      return bytes;
    }
    throw this.#forget(blockHash, place);
  }

  #forget(blockHash: string, place: Place): BlockDamagedError {
    const error = new BlockDamagedError(blockHash, place.pack.path);
    if (this.#index.get(blockHash) === place) {
      this.#index.delete(blockHash);
      this.#onDamaged(error);
    }
    return error;
  }

  async #copyOut(entries: readonly (readonly [string, Place])[]): Promise<void> {
    const writer = await this.createWriter();
    try {
      for (const [blockHash, place] of entries) {
        try {
          await writer.append(blockHash, await this.#readPlace(blockHash, place));
        } catch (error) {
          if (!(error instanceof BlockDamagedError)) throw error; // a damaged one was reported and stays behind
        }
      }
    } catch (error) {
      await writer.discard();
      throw error;
    }
    await this.adopt(writer);
  }

  async #retire(pack: Pack): Promise<void> {
    pack.retired = true;
    this.#packs.delete(pack);
    await this.#removeIfUnread(pack);
  }

  async #removeIfUnread(pack: Pack): Promise<void> {
    if (!pack.retired || pack.readers > 0) return;
    pack.retired = false;
    await pack.file.close();
    await rm(pack.path, { force: true });
  }

  #takeNumber(): string {
    return String(this.#nextNumber++).padStart(8, '0');
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
