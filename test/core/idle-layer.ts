import type { Layer, LayerKind } from '../../src/core/layer.ts';

export const everyKind: readonly LayerKind[] = [
  'aggregate',
  'survey',
  'surveyed',
  'grant',
  'granted',
  'retire',
  'shed',
];

/** A layer that has nothing to do, but says so only if it is `idle`: else every heartbeat goes the long way. */
export function idleLayer(isIdle: boolean): Layer {
  const nothing = (): void => {};
  return {
    name: 'quality',
    kinds: everyKind,
    topics: [],
    isIdle,
    beat: nothing,
    receive: nothing,
    delivered: nothing,
    measured: nothing,
    answered: nothing,
    viewChanged: nothing,
    pinged: nothing,
  };
}
