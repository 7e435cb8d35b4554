import { describe, expect, it } from 'vitest';
import { explanationText, lastActionText, standingText } from '../../../src/cli/words/explanation.ts';
import { statusText } from '../../../src/cli/commands/status-view.ts';
import type { Decision, QualityStatus } from '../../../src/host/farm-node.ts';
import { someStatus } from '../in-test-node.ts';

const plain = (_: unknown, text: string): string => text;
const figures = { clients: 15, meanMs: 148.4, p50Ms: 151, p95Ms: 262, overShare: 0, answeredShare: 0.9995 };
const decision: Decision = {
  kind: 'decided',
  round: 7,
  atMs: Date.UTC(2026, 10, 21, 12),
  sinceMs: Date.UTC(2026, 10, 21, 12),
  before: 0,
  figures,
  servers: 1,
  coverage: 0.93,
  requirement: { meanMs: 60, percentile: null, availability: null },
  cost: 'delay',
  met: false,
  reason: 'the requirement is missed; these gain most',
  actions: [
    {
      action: 'promote',
      server: '12D3KooWroot0000000Aaaaaaaa',
      candidates: ['12D3KooWoak00000000Bbbbbbbb', '12D3KooWelm00000000Cccccccc'],
      leaves: null,
      expected: -41.25,
      outcome: { worked: true, peer: '12D3KooWelm00000000Cccccccc', atMs: 0 },
    },
  ],
  next: {
    round: 9,
    atMs: Date.UTC(2026, 10, 21, 12, 0, 9),
    figures: { ...figures, meanMs: 52 },
    servers: 2,
    met: true,
  },
};
const quality: QualityStatus = {
  requirement: decision.requirement,
  policy: 'balanced',
  margin: 'lean',
  latest: decision,
  lastAction: decision,
};

describe('an explanation', () => {
  it('of an exchange says whether somebody came, and who stays when nobody did', () => {
    const [promote] = decision.actions as [Decision['actions'][number]];
    const exchange = (hasCome: boolean, hasGone: boolean): string => {
      const retire = {
        ...promote,
        action: 'retire' as const,
        candidates: [],
        expected: 2,
        server: '12D3KooWash00000000Dddddddd',
      };
      const actions = [
        { ...promote, outcome: { ...promote.outcome!, worked: hasCome } },
        { ...retire, outcome: { worked: hasGone, peer: retire.server, atMs: 0 } },
      ];
      return explanationText([{ ...decision, actions }], quality, plain);
    };
    expect(exchange(true, true)).toContain(
      'Retire …Dddddddd: 2.0 ms more in the mean expected; …Dddddddd stopped serving.',
    );
    expect(exchange(true, false)).toContain('it has not stopped in time');
    expect(exchange(false, false)).toContain('no candidate became a server');
    expect(exchange(false, false)).toContain('nobody came in its place, so it stays');
  });

  it('gives each decision with its figures, expectation, outcome, and the round after it', () => {
    const spread = '(half within 151 ms, 95% within 262 ms) over 15 clients, 99.95% of the requests answered';
    expect(explanationText([decision], quality, plain).split('\n')).toEqual([
      'Required: a mean delay of at most 60 ms (policy balanced, margin lean).',
      '',
      '2026-11-21 12:00:00Z  round 7  not met',
      `  mean 148 ms ${spread}; 1 server, 93% of the peers reported`,
      '  The requirement is missed; these gain most.',
      '  Promote …Bbbbbbbb (else …Cccccccc), a client of …Aaaaaaaa: 41.3 ms less in the mean expected; …Cccccccc serves.',
      `  The next round (2026-11-21 12:00:09Z): mean 52 ms ${spread}; 2 servers, met`,
    ]);
  });

  it('tells quiet rounds and lost rounds in one line each', () => {
    const rest: Decision = { ...decision, met: true, actions: [], next: null, before: 12, reason: 'all is well' };
    const text = explanationText([rest, { kind: 'lost', round: 8, atMs: 0 }], quality, plain);
    expect(text).toContain('Nothing was done, as in 12 rounds before, since 2026-11-21 12:00:00Z.');
    expect(text).toContain('1970-01-01 00:00:00Z  round 8  lost');
  });

  it.each([
    [{ action: 'retire', candidates: [], outcome: null }, 'Retire …Aaaaaaaa'],
    [
      { action: 'move', leaves: '12D3KooWyew00000000Dddddddd' },
      'then retire the server that is needed least, probably …Dddddddd',
    ],
    [{ outcome: { worked: false, peer: null, atMs: 0 } }, 'no candidate became a server'],
    [{ outcome: null }, 'the root was restarted before it ended'],
  ] as const)('finds words for %j', (change, words) => {
    const [action] = decision.actions;
    if (action === undefined) throw new Error('the decision of this test has an action');
    expect(explanationText([{ ...decision, actions: [{ ...action, ...change }] }], quality, plain)).toContain(words);
  });

  it('says so when there is nothing to explain', () => {
    expect(explanationText([], { ...quality, requirement: null }, plain)).toContain('has no requirement');
    expect(explanationText([], quality, plain)).toContain('No such decision has been made yet');
  });
});

describe('the status of a root with a requirement', () => {
  it('says what is required, how it stands and what was done last', () => {
    expect(standingText(quality)).toBe(
      '60ms: not met with mean 148 ms (half within 151 ms, 95% within 262 ms) over 15 clients, 99.95% of the requests answered',
    );
    expect(lastActionText(quality)).toContain(
      'Promote …Bbbbbbbb (else …Cccccccc), a client of …Aaaaaaaa: …Cccccccc serves',
    );
    const info = {
      pid: 1,
      version: '0',
      command: 'serve',
      part: 'root',
      startedAtMs: 0,
      stateFolder: '/',
      logFile: null,
      url: null,
      neverServes: false,
    } as const;
    expect(statusText({ ...someStatus, quality }, info, plain)).toMatch(/required\s+60ms: not met/);
    expect(statusText(someStatus, info, plain)).not.toContain('required');
  });
});
