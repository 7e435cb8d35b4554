/**
 * The owner's own question: with this many clients, this network and this requirement, some servers die. What happens?
 *
 * It runs the attack experiment with the owner's numbers and answers in sentences: how many volunteers have to serve, what users would
 * notice, and how soon the requirement is met again.
 */
import { attackDefaults, attackExperiment } from './attack.ts';
import type { AttackOptions, AttackResult } from './attack.ts';
import type { Findings, Progress } from './experiment.ts';

export interface WhatIfOptions extends Omit<AttackOptions, 'peers' | 'attacks'> {
  readonly clients: number;
}

export interface WhatIfResult extends AttackResult {
  readonly clients: number;
  /** The answer in plain words. */
  readonly answer: readonly string[];
}

export async function whatIfExperiment(
  options: WhatIfOptions,
  progress?: Progress,
  signal?: AbortSignal,
): Promise<Findings<WhatIfResult>> {
  const { clients, ...rest } = options;
  const topology = options.topology ?? 'continents-24';
  const attack = { ...rest, topology, peers: clients + 1, attacks: 1 };
  const { result, tables, charts } = await attackExperiment(attack, progress, signal);
  const answer = inWords(result, clients, options.serverTimeMs ?? attackDefaults.serverTimeMs);
  const rows = answer.map((sentence) => [sentence]);
  return {
    result: { ...result, clients, answer },
    tables: [{ title: 'In words', columns: [{ name: 'answer' }], rows }, ...tables],
    charts,
  };
}

function inWords(result: AttackResult, clients: number, serverTimeMs: number): string[] {
  const { serversBefore, requirementMs, recoveryRounds, notRecovered, attacks, requests, killed, mode } = result;
  const { felt, overload } = result;
  const percent = (share: number): string => (share === 0 ? 'none' : `${(100 * share).toPrecision(2)}%`);
  const lost = killed / Math.max(1, attacks);
  const who = mode === 'root' ? 'the root' : `${lost.toFixed(1)} servers on average`;
  const back =
    notRecovered === attacks
      ? 'The requirement was not met again within 20 rounds.'
      : `It was met again after ${recoveryRounds.mean.toFixed(1)} rounds on average (95% of the time within ${recoveryRounds.p95})` +
        (notRecovered === 0 ? '.' : `; in ${notRecovered} of ${attacks} runs not within 20 rounds.`);
  return [
    `${clients} clients at a requirement of ${requirementMs} ms take ${serversBefore.toFixed(1)} ` +
      `servers, the root included (server time ${serverTimeMs} ms).`,
    `Then ${who} went down. ${back}`,
    `Of ${requests.total} requests meanwhile, ${percent(requests.failedShareWithFailover)} failed for users; ` +
      `without failover it would have been ${percent(requests.failedShareWithout)}.`,
    `From the first round to the end users waited ${felt.meanMs.toFixed(0)} ms on average, and 95% of the time ` +
      `at most ${felt.p95Ms.toFixed(0)} ms; ` +
      `servers were full ${overload.full.toFixed(1)} times a run and sent ${overload.sentOn.toFixed(1)} clients on.`,
  ];
}
