import { expect, test } from 'vitest';
import { startNode } from '../../src/host/node.ts';
import type { NodeOptions } from '../../src/host/node-options.ts';

test.each([
  ['nine of them', Array.from({ length: 9 }, (_, n) => `/ip4/192.0.2.${n}/tcp/4747`), /9 announced addresses/],
  ['one that is too long', [`/dns4/${'x'.repeat(250)}/tcp/4747`], /265 bytes/],
  [
    'three that are too long together',
    Array.from({ length: 3 }, (_, n) => `/dns4/${'x'.repeat(180)}${n}/tcp/4747`),
    /512 together/,
  ],
])('a peer does not start with announced addresses that no message carries: %s', async (_, announce, sentence) => {
  // Nothing else of the options is looked at before.
  const options = { announce } as unknown as NodeOptions;
  await expect(startNode(options)).rejects.toThrow(sentence);
});
