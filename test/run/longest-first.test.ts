import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { longest } from './longest-first.ts';

it('the list of the longest test files names files that exist, each once', () => {
  const tests = fileURLToPath(new URL('../', import.meta.url));
  const names = new Set(readdirSync(tests, { recursive: true, encoding: 'utf8' }).map((path) => basename(path)));
  expect(longest.filter((name) => !names.has(`${name}.test.ts`))).toEqual([]);
  expect(new Set(longest).size).toBe(longest.length);
});
