/**
 * The releases a server holds, and which one it serves.
 *
 *     <folder>/packs/<number>.pack       blocks, shared among releases (block-store.ts)
 *     <folder>/releases/<n>.manifest     releases that were installed
 *     <folder>/releases/<n>.pending      one being fetched: its blocks are not swept away between two attempts
 *     <folder>/current                   {"release":n,"previous":m|null}: replaced in one step
 *
 * Think of a stage with two sets: the next one is built completely behind the curtain (blocks verified, durable), then the
 * pointer turns. Until it does, and whenever anything fails, the audience sees the old one. The set before stays for
 * readers in mid-play; older ones are struck. The volunteer's quota is checked before a byte is taken, and a disk that
 * is full anyway costs the new release, never the old.
 */
import { join } from 'node:path';
import { BlockStore, type BlockLease } from './block-store.ts';
import { Intake } from './intake.ts';
import {
  allBlocks,
  blocksOf,
  type BlockReference,
  type FileEntry,
  type Manifest,
  type ServiceIdentity,
} from './manifest.ts';
import { ReleaseFiles } from './release-files.ts';
import { recordHeaderBytes } from './pack.ts';
import { DiskFullError, QuotaError, ServiceError, isDiskFull, systemCode } from './service-error.ts';

/** What a store tells its owner about, besides answering calls. */
export type StoreEvent =
  | { readonly type: 'block-damaged'; readonly hash: string; readonly message: string }
  | { readonly type: 'manifest-damaged'; readonly release: number; readonly message: string }
  | { readonly type: 'prune-failed'; readonly message: string };

export interface StoreOptions {
  /** Bytes that the store may take on disk; unlimited when left out. */
  readonly maxBytes?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  readonly onEvent?: (event: StoreEvent) => void;
}

export class ReleaseStore {
  readonly folder: string;
  readonly identity: ServiceIdentity;
  readonly #blocks: BlockStore;
  readonly #files: ReleaseFiles;
  readonly #maxBytes: number;
  readonly #now: () => number;
  readonly #tell: (event: StoreEvent) => void;
  #current: Manifest | null = null;
  #previous: Manifest | null = null;
  #pending: Manifest | null = null;
  #currentSinceMs = Number.NEGATIVE_INFINITY;
  #intakeOpen = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, identity: ServiceIdentity, blocks: BlockStore, options: StoreOptions) {
    this.folder = folder;
    this.identity = identity;
    this.#blocks = blocks;
    this.#files = new ReleaseFiles(folder);
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#now = options.now ?? (() => performance.now());
    this.#tell = options.onEvent ?? (() => undefined);
  }

  /** Opens a store, made if there is none. What a crash left half done is finished or cleared away. */
  static async open(folder: string, identity: ServiceIdentity, options: StoreOptions = {}): Promise<ReleaseStore> {
    const blocks = await BlockStore.open(join(folder, 'packs'), (error) =>
      options.onEvent?.({ type: 'block-damaged', hash: error.hash, message: error.message }),
    );
    const store = new ReleaseStore(folder, identity, blocks, options);
    await store.#load();
    return store;
  }

  /** The release being served; null before the first is installed. */
  get current(): Manifest | null {
    return this.#current;
  }

  /** The one before, for readers that are still at it. */
  get previous(): Manifest | null {
    return this.#previous;
  }

  /** When the current release was switched to, in ms since 1970; minus infinity when that was before this start. */
  get currentSinceMs(): number {
    return this.#currentSinceMs;
  }

  /** Bytes on disk: blocks and manifests. */
  get usedBytes(): number {
    return this.#blocks.usedBytes + this.#kept().reduce((sum, manifest) => sum + manifest.bytes.length, 0);
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** An installed release by number. */
  find(release: number): Manifest | null {
    return [this.#current, this.#previous].find((manifest) => manifest?.release === release) ?? null;
  }

  /** The blocks of a release that are not here. */
  missing(manifest: Manifest): readonly BlockReference[] {
    return allBlocks(manifest).filter((block) => !this.#blocks.has(block));
  }

  /**
   * The blocks of the current release that are lost or were found damaged; empty when all is well. Fetching the current release
   * once more (`begin`, or `receiveRelease` with its number) brings these alone, while it goes on being served.
   */
  get damaged(): readonly BlockReference[] {
    return this.#current === null ? [] : this.missing(this.#current);
  }

  /** Holds a file for reading; one lease index a block. @throws BlockDamagedError when a block of it is lost. */
  leaseFile(file: FileEntry): BlockLease {
    return this.#blocks.lease(blocksOf(file));
  }

  /** Holds some blocks for reading. @throws BlockDamagedError when one of them is lost. */
  leaseBlocks(blocks: readonly BlockReference[]): BlockLease {
    return this.#blocks.lease(blocks);
  }

  readBlock(block: BlockReference): Promise<Buffer> {
    return this.#blocks.read(block);
  }

  /** Reads all blocks once and reports the damaged ones as events; returns how many there were. */
  check(): Promise<number> {
    return this.#blocks.check();
  }

  /**
   * Makes room for a release and opens the door for its blocks. One at a time. A damaged block of the current release is
   * repaired by taking in the current release once more.
   * @throws QuotaError, DiskFullError before anything was written; ServiceError `release-order`, `store-busy`.
   */
  begin(manifest: Manifest): Promise<Intake> {
    return this.#exclusively(async () => {
      if (this.#intakeOpen) throw new ServiceError('store-busy', 'Another release is being taken in already.');
      this.#requireNewer(manifest);
      if (manifest.id !== this.#current?.id) await this.#setPending(manifest);
      const missing = this.missing(manifest);
      const incoming = missing.reduce((sum, block) => sum + block.size + recordHeaderBytes, 0);
      try {
        await this.#makeRoom(manifest, incoming);
        await this.#blocks.requireFree(incoming);
      } catch (error) {
        await this.#setPending(null);
        throw error;
      }
      const writer = await this.#blocks.createWriter().catch((error: unknown) => {
        throw this.#translate(error);
      });
      this.#intakeOpen = true;
      return new Intake(missing, writer, {
        adopt: (pack) => this.#blocks.adopt(pack),
        closed: () => (this.#intakeOpen = false),
        translate: (error) => this.#translate(error),
      });
    });
  }

  /**
   * Switches to a release whose blocks are all here. Does nothing when it is the current one already. If anything fails,
   * the old release stays.
   * @throws ServiceError `release-incomplete`, `release-order`; DiskFullError.
   */
  install(manifest: Manifest): Promise<void> {
    return this.#exclusively(async () => {
      if (manifest.id === this.#current?.id) return;
      this.#requireNewer(manifest);
      const missing = this.missing(manifest);
      if (missing.length > 0) {
        const text = `Release ${manifest.release} cannot be installed: ${missing.length} of its blocks are not here.`;
        throw new ServiceError('release-incomplete', text);
      }
      try {
        await this.#files.writeManifest(manifest);
        await this.#files.point(manifest, this.#current);
      } catch (error) {
        await this.#files.removeManifest(manifest);
        throw this.#translate(error);
      }
      this.#previous = this.#current;
      this.#current = manifest;
      this.#currentSinceMs = this.#now();
      await this.#tidy();
    });
  }

  /** Goes back to the release before, when the new one turned out not to run. @throws ServiceError `release-unknown` */
  rollback(): Promise<Manifest> {
    return this.#exclusively(async () => {
      const [bad, good] = [this.#current, this.#previous];
      if (bad === null || good === null) {
        throw new ServiceError('release-unknown', 'There is no earlier release to go back to.');
      }
      await this.#files.point(good, null);
      [this.#current, this.#previous, this.#currentSinceMs] = [good, null, this.#now()];
      await this.#files.removeManifest(bad);
      return good;
    });
  }

  async close(): Promise<void> {
    await this.#exclusively(() => this.#blocks.close());
  }

  #requireNewer(manifest: Manifest): void {
    const current = this.#current;
    if (current === null || manifest.release > current.release || manifest.id === current.id) return;
    const why =
      manifest.release === current.release
        ? 'it bears the same number but is another one: the owner signed two, which must never be'
        : 'an older release never takes the place of a newer one';
    throw new ServiceError(
      'release-order',
      `Release ${manifest.release} is refused, ${current.release} is here: ${why}.`,
    );
  }

  async #makeRoom(manifest: Manifest, incoming: number): Promise<void> {
    const fits = (): boolean => this.usedBytes + incoming <= this.#maxBytes;
    if (fits()) return;
    await this.#blocks.collect(this.#keep(this.#kept()), 0, this.#maxBytes);
    if (fits()) return;
    // Only if that will do it is the release before given up: until the switch it is still read.
    const needed = this.#kept().filter((kept) => kept !== this.#previous || kept.id === manifest.id);
    const manifestBytes = needed.reduce((sum, kept) => sum + kept.bytes.length, 0);
    const leastBytes = this.#blocks.liveBytes(this.#keep(needed)) + manifestBytes + incoming;
    if (leastBytes > this.#maxBytes) throw new QuotaError(leastBytes, this.#maxBytes, manifest.release);
    await this.#forgetPrevious();
    await this.#blocks.collect(this.#keep(this.#kept()), 0, this.#maxBytes);
    if (!fits()) throw new QuotaError(this.usedBytes + incoming, this.#maxBytes, manifest.release);
  }

  async #forgetPrevious(): Promise<void> {
    const previous = this.#previous;
    if (previous === null || this.#current === null) return;
    await this.#files.point(this.#current, null);
    this.#previous = null;
    await this.#files.removeManifest(previous);
  }

  /** After a switch: strikes what is older than the previous release. Failing at this fails nothing else. */
  async #tidy(): Promise<void> {
    try {
      if (this.#pending !== null && this.#pending.release <= (this.#current?.release ?? 0))
        await this.#setPending(null);
      await this.#files.removeOthers(this.#kept());
      await this.#blocks.collect(this.#keep(this.#kept()), 0.5, this.#maxBytes);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#tell({ type: 'prune-failed', message: `Old releases could not be removed from ${this.folder}: ${detail}` });
    }
  }

  async #load(): Promise<void> {
    const { installed, pending, damaged, pointer } = await this.#files.load(this.identity);
    for (const fault of damaged) this.#tell({ type: 'manifest-damaged', ...fault });
    this.#pending = pending;
    const whole = [...installed.values()].filter((manifest) => this.missing(manifest).length === 0);
    const newest = whole.sort((a, b) => b.release - a.release)[0] ?? null;
    this.#current = (pointer === null ? undefined : installed.get(pointer.release)) ?? newest;
    this.#previous = installed.get(pointer?.previous ?? 0) ?? null;
    if (this.#previous === this.#current) this.#previous = null;
    if (this.#current !== null && pointer?.release !== this.#current.release)
      await this.#files.point(this.#current, null);
    await this.#tidy();
  }

  async #setPending(manifest: Manifest | null): Promise<void> {
    if (this.#pending?.id === manifest?.id) return;
    if (this.#pending !== null) await this.#files.removePending(this.#pending);
    this.#pending = null;
    if (manifest === null) return;
    try {
      await this.#files.writePending(manifest);
    } catch (error) {
      throw this.#translate(error);
    }
    this.#pending = manifest;
  }

  #kept(): readonly Manifest[] {
    return [this.#current, this.#previous, this.#pending].filter((manifest) => manifest !== null);
  }

  #keep(manifests: readonly Manifest[]): ReadonlySet<string> {
    return new Set(manifests.flatMap((manifest) => allBlocks(manifest).map((block) => block.hash)));
  }

  #translate(error: unknown): unknown {
    return isDiskFull(error) ? new DiskFullError(this.folder, systemCode(error), error) : error;
  }

  #exclusively<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(task);
    this.#turn = mine.then(
      () => undefined,
      () => undefined, // the caller is told; the next in line starts afresh
    );
    return mine;
  }
}
