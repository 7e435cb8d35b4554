/** How a server uses the waiting times that the branches of its tree report. */
import { describe, expect, it } from 'vitest';
import type { MemberSample } from '../../../src/core/messages/index.ts';
import type { Parts } from '../../../src/core/parts.ts';
import type { QosEvent } from '../../../src/qos/index.ts';
import { Shedding, medianServeMs } from '../../../src/qos/load/shedding.ts';
import { aServer, join, peerNumber } from '../../core/lone-peer.ts';
import { announcement, sample } from '../findings.ts';

/** Clients that one child reports, each with this service time, ms. */
function branch(count: number, serveMs: number): MemberSample[] {
  return Array.from({ length: count }, (_, n) => sample(n, { delayMs: 50 + serveMs, rttMs: 50 }));
}

describe('the service time', () => {
  it('is the median over the branches, so that a child with many clients has one vote', () => {
    expect(medianServeMs([branch(128, 600), branch(1, 20), branch(3, 24)])).toBe(24);
  });

  it('is the lower one of two, so that one child cannot raise it', () => {
    expect(medianServeMs([branch(128, 600), branch(1, 20)])).toBe(20);
  });

  it('is not known without clients', () => {
    expect(medianServeMs([])).toBeNaN();
  });
});

describe('a server whose one client reports 128 clients that wait for ever', () => {
  /** The events after two such rounds, when the server itself has answered this many requests within 20 ms. */
  function after(answers: number): { readonly events: readonly QosEvent[] } {
    const lone = aServer().hear(peerNumber(2), join(1));
    const events: QosEvent[] = [];
    const shedding = new Shedding(lone.peer.state as Parts, (event) => events.push(event));
    const round = { ...announcement, usualMs: 20 };
    for (let n = 0; n < 2; n++) {
      for (let answer = 0; answer < answers; answer++) shedding.answered(20);
      shedding.roundOver(round, [branch(128, 600)], 1);
    }
    return { events };
  }

  it('checks its own service times, and is not full when they are as usual', () => {
    expect(after(10).events).toEqual([]);
  });

  it('believes the report when it has no service times of its own, and counts only clients in its tree', () => {
    expect(after(0).events).toMatchObject([
      { type: 'fullness-changed', full: 'slow', load: { clients: 1, served: 1 } },
      { type: 'shed', clients: [peerNumber(2)] },
    ]);
  });
});
