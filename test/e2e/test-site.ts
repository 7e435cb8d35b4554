/**
 * A site whose every byte is known: a few pages and one large file, each edition different in all of them.
 *
 * The bytes follow from the edition and the path alone, so a test can judge an answer without having seen the site.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const pages = ['index.html', 'one.html', 'two.html', 'three.html'] as const;
export const largeFile = 'large.bin';
export const largeBytes = 32 * 1024 * 1024;

/** A page as an edition has it. */
export function pageOf(path: string, edition: number): string {
  const lines = Array.from({ length: 60 }, (_, line) => `<p>${path}, edition ${edition}, line ${line}</p>`);
  return `<!doctype html><title>${path}</title><h1>edition ${edition}</h1>\n${lines.join('\n')}\n`;
}

/** Bytes that no compression makes smaller. */
export function largeOf(edition: number, bytes = largeBytes): Buffer {
  const key = createHash('md5').update(`edition ${edition}`).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** Writes an edition; the large file only when asked for. */
export async function writeSite(
  folder: string,
  edition: number,
  { large = 0 }: { readonly large?: number } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const page of pages) await writeFile(join(folder, page), pageOf(page, edition));
  if (large > 0) await writeFile(join(folder, largeFile), largeOf(edition, large));
}

/** The edition of which a page is, byte for byte; null when it is none's. */
export function editionOf(path: string, body: string): number | null {
  const edition = Number(/<h1>edition (\d+)<\/h1>/.exec(body)?.[1] ?? Number.NaN);
  return body === pageOf(path, edition) ? edition : null;
}
