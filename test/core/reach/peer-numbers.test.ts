import { describe, expect, it } from 'vitest';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { PeerNumbers } from '../../../src/core/reach/peer-numbers.ts';

const [one, two, three] = [1, 2, 3] as [PeerHandle, PeerHandle, PeerHandle];

describe('numbers of a few peers', () => {
  it('are those that were set last, and NaN for others', () => {
    const numbers = new PeerNumbers();
    numbers.set(one, 10);
    numbers.set(two, 20);
    numbers.set(one, 11);
    expect([numbers.get(one), numbers.get(two), numbers.get(three)]).toEqual([11, 20, Number.NaN]);
    expect(numbers.size).toBe(2);
  });

  it('stand in the order in which they came, or were renewed', () => {
    const numbers = new PeerNumbers();
    for (const [peer, number] of [[one, 1], [two, 2], [three, 3]] as const) numbers.set(peer, number); // prettier-ignore
    numbers.set(one, 4);
    expect(numbers.peers()).toEqual([one, two, three]);
    numbers.renew(two, 5);
    expect(numbers.peers()).toEqual([one, three, two]);
    expect(numbers.numbers()).toEqual([4, 3, 5]);
  });

  it('are forgotten but for those that are wanted', () => {
    const numbers = new PeerNumbers();
    // A number that could be taken for a peer.
    numbers.set(one, three);
    numbers.set(three, one);
    numbers.keep((peer, number) => peer === three && number === one);
    expect(numbers.peers()).toEqual([three]);
    numbers.keep(() => false);
    expect(numbers.size).toBe(0);
  });

  it('of one peer are no business of another, also when both had none', () => {
    const [some, others] = [new PeerNumbers(), new PeerNumbers()];
    some.set(one, 1);
    some.keep(() => false);
    some.set(two, 2);
    expect(others.size).toBe(0);
  });
});
