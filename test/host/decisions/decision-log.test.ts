import { describe, expect, it } from 'vitest';
import { NOBODY } from '../../../src/core/ids.ts';
import type { PeerHandle } from '../../../src/core/ids.ts';
import { DecisionLog } from '../../../src/host/decisions/decision-log.ts';
import type { Decision } from '../../../src/host/farm-node.ts';
import type { Action, QosEvent } from '../../../src/qos/index.ts';
import { StateDatabase } from '../../../src/storage/state-database.ts';
import { afterwards, temporaryFolder } from '../../service/workshop.ts';

const requirement = { meanMs: 100, percentile: null, availability: null };
const [root, elm, oak, yew] = [1, 2, 3, 4] as PeerHandle[] as [PeerHandle, PeerHandle, PeerHandle, PeerHandle];
const promoteElm: Action = { action: 'promote', server: root, candidates: [elm, oak], leaves: NOBODY, change: -50 };

function decided(round: number, meanMs: number, actions: readonly Action[] = [], servers = 1): QosEvent {
  const figures = { clients: 10, meanMs, overShare: 0, answeredShare: 1 };
  const met = meanMs <= 100;
  const reason = met ? 'the requirement is met, and no change is worth it' : 'the requirement is missed';
  const decision = { round, figures, cost: 'delay', servers, coverage: 1, met, reason, actions } as const;
  return { type: 'decided', decision, p50Ms: meanMs - 10, p95Ms: meanMs + 50 };
}

interface Opened {
  readonly log: DecisionLog;
  readonly failures: string[];
  readonly state: StateDatabase;
}

async function opened(folder?: string): Promise<Opened> {
  const state = StateDatabase.open(`${folder ?? (await temporaryFolder())}/state.db`);
  afterwards(() => state.close());
  const failures: string[] = [];
  const log = new DecisionLog({
    rows: state.decisions,
    requirement,
    peerIdOf: (handle) => `peer-${handle}`,
    nowMs: () => 1_000,
    failed: (reason) => failures.push(reason),
  });
  return { log, failures, state };
}

const all = { about: null, last: 100 } as const;

describe("the root's log of decisions", () => {
  it('tells a decision with its figures, what became of it and what the next round showed', async () => {
    const { log } = await opened();
    log.happened(decided(7, 150, [promoteElm]));
    expect(log.list(all)).toMatchObject([{ actions: [{ outcome: null }], next: null }]);
    log.happened({ type: 'concluded', round: 7, action: promoteElm, peer: oak, worked: true });
    log.happened(decided(9, 80, [], 2));
    expect(log.list(all)).toMatchObject([
      {
        kind: 'decided',
        round: 7,
        requirement,
        met: false,
        figures: { clients: 10, meanMs: 150, p50Ms: 140, p95Ms: 200, answeredShare: 1 },
        actions: [
          {
            action: 'promote',
            server: 'peer-1',
            candidates: ['peer-2', 'peer-3'],
            leaves: null,
            expected: -5,
            outcome: { worked: true, peer: 'peer-3', atMs: 1_000 },
          },
        ],
        next: { round: 9, met: true, servers: 2, figures: { meanMs: 80 } },
      },
      { kind: 'decided', round: 9, met: true, actions: [], next: null },
    ]);
    expect([log.latest?.round, log.lastAction?.round]).toEqual([9, 7]);
  });

  it('finds the end of each of several actions of one round', async () => {
    const { log } = await opened();
    const promoteYew: Action = { ...promoteElm, candidates: [yew] };
    log.happened(decided(7, 150, [promoteElm, promoteYew]));
    log.happened({ type: 'concluded', round: 7, action: promoteYew, peer: yew, worked: true });
    log.happened({ type: 'concluded', round: 7, action: promoteElm, peer: NOBODY, worked: false });
    const [entry] = log.list(all) as [Decision];
    expect(entry.actions.map(({ outcome }) => [outcome?.worked, outcome?.peer])).toEqual([
      [false, null],
      [true, 'peer-4'],
    ]);
  });

  it('keeps the rounds of a farm at rest as one entry, and rounds that were lost apart', async () => {
    const { log } = await opened();
    for (let round = 1; round <= 40; round++) log.happened(decided(round, 90 + (round % 3)));
    log.happened({ type: 'round-lost', round: 41 });
    expect(log.list(all)).toMatchObject([
      { round: 40, before: 39, figures: { meanMs: 91 } },
      { kind: 'lost', round: 41 },
    ]);
  });

  it('gives only what is asked for: one kind of action, the latest so many', async () => {
    const { log } = await opened();
    const retire: Action = { action: 'retire', server: elm, candidates: [], leaves: NOBODY, change: 20 };
    for (let round = 1; round <= 6; round++) log.happened(decided(round, 150, [round % 2 === 0 ? retire : promoteElm]));
    const rounds = (about: 'promote' | 'retire' | 'move' | null, last: number): number[] =>
      log.list({ about, last }).map(({ round }) => round);
    expect(rounds(null, 2)).toEqual([5, 6]);
    expect(rounds('promote', 2)).toEqual([3, 5]);
    expect(rounds('retire', 10)).toEqual([2, 4, 6]);
    expect(rounds('move', 10)).toEqual([]);
  });

  it('remembers over a restart, where handles have changed', async () => {
    const folder = await temporaryFolder();
    const { log: first } = await opened(folder);
    first.happened(decided(7, 150, [promoteElm]));
    const { log } = await opened(folder);
    expect(log.lastAction).toMatchObject({ round: 7, actions: [{ server: 'peer-1' }] });
    log.happened(decided(8, 90, [], 2));
    expect(log.list(all)).toMatchObject([{ round: 7, next: { round: 8 } }, { round: 8 }]);
  });

  it('says when the disk refuses, and goes on', async () => {
    const { log, state, failures } = await opened();
    state.close();
    log.happened(decided(7, 150, [promoteElm]));
    expect(failures).toHaveLength(1);
    expect(log.latest?.round).toBe(7);
  });
});
