/**
 * No loop in a tree, at any moment. Only a peer that takes a parent can close one, so the path to the root is walked after every
 * `attached`.
 */
import type { Checker } from './checker.ts';
import { wayUp } from './structure.ts';

export function noLoop(): Checker {
  const found: string[] = [];
  return {
    name: 'no loop',
    observed(farm, peer, event) {
      if (event.type !== 'attached') return;
      const way = wayUp(farm, peer, event.tree);
      if (way.at(-1) === peer && way.length > 1) found.push(`at ${farm.nowMs} ms: ${way.join(' -> ')}`);
    },
    verdict: () => found,
  };
}
