/**
 * The owner's press: a folder goes in, a signed release comes out and is installed in the owner's own store.
 *
 * The folder is read twice, once to hash and once to store; a file that changed in between is noticed and named, since a
 * release that mixes two states of a site helps nobody. A folder with nothing new in it makes no release, but mends the
 * one there is: blocks that a bad disk has lost are stored again.
 */
import type { Standing } from '../core/index.ts';
import { type SigningKey } from './keys.ts';
import { releasesPerCharter, blocksOf, signManifest, type FileEntry, type Manifest } from './manifest.ts';
import { type BuildProgress, type HashedFolder, hashFolder, readBlocks } from './release-builder.ts';
import type { ReleaseStore } from './release-store.ts';
import { ServiceError } from './service-error.ts';

export interface Publication {
  readonly manifest: Manifest;
  /** False when the folder holds exactly what is published already. */
  readonly isNew: boolean;
  /** Blocks of the published release that were lost on disk and have been put back. */
  readonly repairedBlocks: number;
  readonly ignored: HashedFolder['ignored'];
}

/**
 * Publishes `folder` as the release after the store's current one; see {@link ReleaseFacts} for its number.
 * @throws ServiceError `folder-unusable`, `key-wrong`; QuotaError, DiskFullError.
 */
export async function publishFolder(options: {
  readonly folder: string;
  readonly store: ReleaseStore;
  readonly ownerKey: SigningKey;
  readonly standing: Standing;
  readonly nowMs: number;
  readonly onProgress?: (progress: BuildProgress) => void;
}): Promise<Publication> {
  const { folder, store, ownerKey, standing, nowMs, onProgress } = options;
  const { files, sources, ignored } = await hashFolder(folder, onProgress);
  const { current, identity } = store;
  if (current !== null && JSON.stringify(current.files) === JSON.stringify(files)) {
    const repairedBlocks = store.missing(current).length;
    if (repairedBlocks > 0) await storeFiles(store, current, sources);
    return { manifest: current, isNew: false, repairedBlocks, ignored };
  }
  const { charter, epoch, term } = standing;
  const facts = {
    serviceId: identity.serviceId,
    charter,
    epoch,
    term,
    release: (current?.release ?? (charter - 1) * releasesPerCharter) + 1,
    // HTTP dates count seconds: two releases must never share one.
    createdAtMs: Math.max(nowMs, (current?.createdAtMs ?? -1000) + 1000),
    files,
  };
  const manifest = signManifest(facts, ownerKey, identity);
  await storeFiles(store, manifest, sources);
  await store.install(manifest);
  return { manifest, isNew: true, repairedBlocks: 0, ignored };
}

async function storeFiles(
  store: ReleaseStore,
  manifest: Manifest,
  sources: ReadonlyMap<string, string>,
): Promise<void> {
  const intake = await store.begin(manifest);
  const missing = new Set(intake.missing.map((block) => block.hash));
  try {
    for (const file of manifest.files) {
      const references = blocksOf(file);
      if (!references.some((block) => missing.has(block.hash))) continue;
      let index = 0;
      for await (const { hash, bytes } of readBlocks(sources.get(file.path) ?? file.path)) {
        const block = references[index];
        if (block?.hash !== hash) throw changed(file);
        if (missing.delete(hash)) await intake.write(block, bytes);
        index += 1;
      }
      if (index !== references.length) throw changed(file);
    }
  } finally {
    await intake.finish();
  }
}

function changed(file: FileEntry): ServiceError {
  return new ServiceError('folder-unusable', `The file ${file.path} changed while it was being published: try again.`);
}
