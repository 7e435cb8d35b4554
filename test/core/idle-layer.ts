import type { Layer } from '../../src/core/layer.ts';

/** A layer that has nothing to do, but says so only if it is `idle`: else every heartbeat goes the long way. */
export function idleLayer(isIdle: boolean): Layer {
  const nothing = (): void => {};
  return {
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
