/**
 * The golden dialogues: what happens between a few peers, compared with what was written down and understood before. When a change is
 * meant, rewrite them with `BANYAN_REWRITE_GOLDEN=1 npx vitest run test/golden` and read the difference line by line.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scenes } from './scenes.ts';

const folder = import.meta.dirname;
const rewrite = process.env['BANYAN_REWRITE_GOLDEN'] === '1';

describe('a golden dialogue', () => {
  it.each(Object.keys(scenes))('%s goes as it is written', (name) => {
    const scene = scenes[name];
    if (scene === undefined) throw new Error(`no scene is called ${name}`);
    const text = `${scene.about}\n\n${scene.play().text}`;
    const file = join(folder, `${name}.txt`);
    if (rewrite) writeFileSync(file, text);
    expect(existsSync(file), `${name}.txt is missing: write it with BANYAN_REWRITE_GOLDEN=1`).toBe(true);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });

  it('exists for every file of the folder, but for those of the wire', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.txt') && file !== 'wire.txt');
    expect(files.sort()).toEqual(
      Object.keys(scenes)
        .map((name) => `${name}.txt`)
        .sort(),
    );
  });
});
