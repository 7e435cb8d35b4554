/** What the root decided, and how the farm stands, in sentences for a person. Pure. */
import type { DecidedAction, Decision, DecisionEntry, FarmFigures, QualityStatus } from '../../host/index.ts';
import { short } from './narration.ts';
import type { Style } from './output.ts';
import { formatCount } from './quantities.ts';
import { formatRequirement, percentOf, tellRequirement } from './requirement.ts';

type Paint = (style: Style, text: string) => string;

export function explanationText(entries: readonly DecisionEntry[], quality: QualityStatus, paint: Paint): string {
  const { requirement, policy, margin } = quality;
  if (requirement === null)
    return 'Nothing is decided here: the charter has no requirement, so volunteers serve as soon as they offer.';
  const head = `Required: ${tellRequirement(requirement)} (policy ${policy}, margin ${margin}).`;
  if (entries.length === 0) return `${head}\n\nNo such decision has been made yet.`;
  return [head, ...entries.map((entry) => entryText(entry, paint))].join('\n\n');
}

function entryText(entry: DecisionEntry, paint: Paint): string {
  const title = `${timeOf(entry.atMs)}  round ${entry.round}`;
  if (entry.kind === 'lost')
    return `${paint('bold', title)}  ${paint('yellow', 'lost')}\n  The answers to this round did not arrive; nothing was decided.`;
  const { figures, servers, coverage, met, reason, actions, next, before, sinceMs } = entry;
  const verdict = met ? paint('green', 'met') : paint('yellow', 'not met');
  const lines = [
    `${paint('bold', title)}  ${verdict}`,
    `  ${figuresText(figures)}; ${formatCount(servers, 'server')}, ${Math.round(coverage * 100)}% of the peers reported`,
    `  ${capital(reason)}.`,
    ...actions.map((action) => `  ${actionText(action, entry)}`),
  ];
  if (actions.length === 0 && before > 0)
    lines.push(`  Nothing was done, as in ${formatCount(before, 'round')} before, since ${timeOf(sinceMs)}.`);
  else if (actions.length === 0) lines.push('  Nothing was done.');
  if (next !== null && actions.length > 0)
    lines.push(
      `  The next round (${timeOf(next.atMs)}): ${figuresText(next.figures)}; ` +
        `${formatCount(next.servers, 'server')}, ${next.met ? 'met' : 'not met'}`,
    );
  return lines.join('\n');
}

function actionText(action: DecidedAction, decision: Decision): string {
  const { cost } = decision;
  const end = outcomeText(action, decision);
  if (action.expected === 0) return `${deedText(action)}: ${end}.`;
  const size = Math.abs(action.expected);
  const way = action.expected <= 0 ? 'less' : 'more';
  const expected =
    cost === 'delay'
      ? `${size.toFixed(1)} ms ${way} in the mean`
      : `${percentOf(size)}% of the clients ${way} over the limit`;
  return `${deedText(action)}: ${expected} expected; ${end}.`;
}

function deedText({ action, server, candidates, leaves }: DecidedAction): string {
  if (action === 'retire') return `Retire ${short(server)}`;
  const [first = '', ...others] = candidates;
  const asked = `${short(first)}${others.length === 0 ? '' : ` (else ${others.map(short).join(', ')})`}`;
  const where = `a client of ${short(server)}`;
  if (action === 'promote') return `Promote ${asked}, ${where}`;
  return `Move: promote ${asked}, ${where}, then retire the server that is needed least, probably ${short(leaves ?? server)}`;
}

/** Once another round has come, an end that is not known was missed by a root that was restarted. */
function outcomeText({ action, outcome }: DecidedAction, { actions, next }: Decision): string {
  if (outcome === null) return next === null ? 'under way' : 'the root was restarted before it ended';
  const who = outcome.peer === null ? '' : short(outcome.peer);
  if (action === 'retire' && outcome.worked) return `${who} stopped serving`;
  const cameToNothing = actions.some((other) => other.action === 'promote' && other.outcome?.worked === false);
  if (action === 'retire')
    return cameToNothing ? 'nobody came in its place, so it stays' : 'it has not stopped in time';
  if (outcome.worked) return `${who} serves`;
  return 'no candidate became a server';
}

/** How the farm stands, in one sentence each, for `status`. */
export function standingText({ requirement, latest }: QualityStatus): string {
  if (requirement === null) return 'none: volunteers serve as soon as they offer';
  const wish = formatRequirement(requirement);
  if (latest === null) return wish;
  return `${wish}: ${latest.met ? 'met' : 'not met'} with ${figuresText(latest.figures)}`;
}

/** The last thing that was done, in a sentence; null when there was nothing yet. */
export function lastActionText({ lastAction }: QualityStatus): string | null {
  if (lastAction === null) return null;
  const { actions } = lastAction;
  const deeds = actions.map((action) => `${deedText(action)}: ${outcomeText(action, lastAction)}`);
  return `${timeOf(lastAction.atMs)}  ${deeds.join('; ')}`;
}

export function figuresText({ clients, meanMs, p50Ms, p95Ms, answeredShare }: FarmFigures): string {
  if (meanMs === null) return 'no delay was measured';
  const ms = (value: number | null): string => (value === null ? '-' : value.toFixed(0));
  return (
    `mean ${ms(meanMs)} ms (half within ${ms(p50Ms)} ms, 95% within ${ms(p95Ms)} ms) over ${formatCount(clients, 'client')}, ` +
    `${percentOf(answeredShare)}% of the requests answered`
  );
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ') + 'Z';
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
