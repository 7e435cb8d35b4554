/**
 * The small files of a release store: manifests, the one being fetched, and the pointer to the current one.
 *
 * Every write replaces a whole file durably (durable-file.ts); every read checks, since a disk may have changed what was
 * written. What fails its check is removed and reported, as if it had never been here.
 */
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from './durable-file.ts';
import { readManifest, type Manifest, type ServiceIdentity } from './manifest.ts';
import { ServiceError, systemCode } from './service-error.ts';

/** Which releases are in use, by number. */
export interface ReleasePointer {
  readonly release: number;
  readonly previous: number | null;
}

export interface LoadedReleases {
  readonly installed: ReadonlyMap<number, Manifest>;
  readonly pending: Manifest | null;
  readonly damaged: readonly { readonly release: number; readonly message: string }[];
  /** Null when there is none, or none that can be read. */
  readonly pointer: ReleasePointer | null;
}

export class ReleaseFiles {
  readonly #folder: string;
  readonly #releases: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#releases = join(folder, 'releases');
  }

  async load(identity: ServiceIdentity): Promise<LoadedReleases> {
    await mkdir(this.#releases, { recursive: true });
    const installed = new Map<number, Manifest>();
    const damaged: { release: number; message: string }[] = [];
    let pending: Manifest | null = null;
    for (const name of await readdir(this.#releases)) {
      const [, release, state] = /^(\d+)\.(manifest|pending)$/.exec(name) ?? [];
      const path = join(this.#releases, name);
      if (release === undefined) {
        await rm(path, { force: true }); // left by a crash in the middle of a write
        continue;
      }
      try {
        const manifest = readManifest(await readFile(path), identity);
        if (state === 'pending') pending = manifest;
        else installed.set(manifest.release, manifest);
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        await rm(path);
        const message = `The manifest of release ${release} in ${this.#folder} was damaged and is dropped: ${error.message}`;
        damaged.push({ release: Number(release), message });
      }
    }
    return { installed, pending, damaged, pointer: await this.#readPointer() };
  }

  async writeManifest(manifest: Manifest): Promise<void> {
    await replaceFile(this.#path(manifest, 'manifest'), manifest.bytes);
  }

  async removeManifest(manifest: Manifest): Promise<void> {
    await rm(this.#path(manifest, 'manifest'), { force: true });
  }

  async writePending(manifest: Manifest): Promise<void> {
    await replaceFile(this.#path(manifest, 'pending'), manifest.bytes);
  }

  async removePending(manifest: Manifest): Promise<void> {
    await rm(this.#path(manifest, 'pending'), { force: true });
  }

  /** Removes every installed manifest that is not among `kept`. */
  async removeOthers(kept: readonly Manifest[]): Promise<void> {
    const numbers = new Set(kept.map((manifest) => manifest.release));
    for (const name of await readdir(this.#releases)) {
      const release = /^(\d+)\.manifest$/.exec(name)?.[1];
      if (release !== undefined && !numbers.has(Number(release))) await rm(join(this.#releases, name), { force: true });
    }
  }

  /** Turns the pointer: the one step by which a release goes into service. */
  async point(current: Manifest, previous: Manifest | null): Promise<void> {
    const pointer: ReleasePointer = { release: current.release, previous: previous?.release ?? null };
    await replaceFile(join(this.#folder, 'current'), JSON.stringify(pointer));
  }

  async #readPointer(): Promise<ReleasePointer | null> {
    try {
      const parsed = JSON.parse(await readFile(join(this.#folder, 'current'), 'utf8')) as Record<
        string,
        unknown
      > | null;
      const { release, previous } = parsed ?? {};
      if (typeof release !== 'number') return null;
      return { release, previous: typeof previous === 'number' ? previous : null };
    } catch (error) {
      if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  #path(manifest: Manifest, state: 'manifest' | 'pending'): string {
    return join(this.#releases, `${manifest.release}.${state}`);
  }
}
