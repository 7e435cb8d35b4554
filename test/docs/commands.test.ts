/**
 * What the documents tell a reader to type exists: the command, its options, the npm script, the file.
 *
 * The blocks of code are read, not run: most of them would start a farm. `demo` is put in from outside, and left out.
 */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { allOptions, actionsOf, pathIn } from '../../src/cli/command.ts';
import * as simulator from '../../simulator/experiments/index.ts';
import { commandPlans } from '../../src/cli/commands/index.ts';
import { simulateCommand } from '../../src/cli/simulate/simulate.ts';
import { topologyCommand } from '../../src/cli/topologies/topology.ts';
import * as topologies from '../../src/topology/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const common = ['help', 'version'];
const elsewhere = ['demo', '--help', '--version'];
const load = async (): Promise<typeof simulator> => simulator;
const plans = [...commandPlans, topologyCommand(topologies), simulateCommand(load, simulator.experimentNames)];
const actions = actionsOf(plans);

interface Line {
  readonly page: string;
  readonly text: string;
}

/** The lines of all blocks of commands, without prompts, remarks and the folding of long lines. */
async function typed(): Promise<readonly Line[]> {
  const names = [
    ...(await readdir(root)),
    ...(await readdir(join(root, 'docs'), { recursive: true })).map((name) => join('docs', name)),
  ];
  const lines: Line[] = [];
  for (const page of names.filter((name) => name.endsWith('.md'))) {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, language = '', block = ''] of text.matchAll(/^```(\w*)\n([\s\S]*?)^```/gm)) {
      if (language !== '' && language !== 'sh') continue;
      const whole = block.replace(/\\\n\s*/g, '').split('\n');
      lines.push(...whole.map((line) => ({ page, text: line.replace(/^\$ /, '').replace(/\s#.*$/, '') })));
    }
  }
  return lines;
}

/** What is wrong with a call of `banyan`; null when nothing is. */
function complaintAbout(call: string): string | null {
  const words = call.trim().split(/\s+/);
  const [first = ''] = words;
  if (elsewhere.includes(first) || /^[<[]/.test(first)) return null;
  const name = pathIn(words, plans);
  if (name === '') return `there is no command ${first}`;
  const plan = actions.get(name);
  const rest = words.slice(name.split(' ').length);
  if (plan === undefined) {
    const [next = '--help'] = rest;
    return /^(?:--help|…|<.*>)$/.test(next) ? null : `there is no command ${name} ${next}`;
  }
  const options = Object.values(allOptions(plan));
  const flags = new Set([...options.map(({ flag }) => flag), ...common]);
  const shorts = new Set(options.map(({ short }) => short));
  for (const word of rest) {
    const flag = /^--(?:no-)?([a-z-]+)$/.exec(word)?.[1];
    if (flag !== undefined && !flags.has(flag) && !flags.has(`no-${flag}`)) return `${name} has no option ${word}`;
    const short = /^-([a-z])$/.exec(word)?.[1];
    if (short !== undefined && !shorts.has(short)) return `${name} has no option ${word}`;
  }
  return null;
}

test('each banyan command in the documents exists, and has the options that it is given', async () => {
  const complaints: string[] = [];
  let read = 0;
  for (const { page, text } of await typed()) {
    const calls = /^(?:npm run -s banyan --|docker (?:run|exec) .*? ?banyan|banyan)(?=\s|$)/.test(text)
      ? text.split(/&&|[|>]/).map((part) => /(?:^|\s)banyan(?: --)? +(\S.*)$/.exec(part)?.[1])
      : [];
    for (const call of calls) {
      if (call === undefined) continue;
      const complaint = complaintAbout(call);
      if (complaint !== null) complaints.push(`${page}: ${text}: ${complaint}`);
      read += 1;
    }
  }
  expect(complaints).toEqual([]);
  expect(read).toBeGreaterThan(50);
});

test('a command or an option that does not exist would be told', () => {
  expect(complaintAbout('srve ./site')).toBe('there is no command srve');
  expect(complaintAbout('serve ./site --prot 1')).toBe('serve has no option --prot');
  expect(complaintAbout('simulate qqs')).toBe('there is no command simulate qqs');
  expect(complaintAbout('simulate qos --sedes 3')).toBe('simulate qos has no option --sedes');
  expect(complaintAbout('serve ./site -x')).toBe('serve has no option -x');
});

test('each npm script, test and built file that the documents name is there', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const missing: string[] = [];
  for (const { page, text } of await typed()) {
    const script = /\bnpm (?:run (?:-s )?)?(?!run|ci|pack|install|test)([a-z:]+)/.exec(text)?.[1];
    if (script !== undefined && scripts[script] === undefined) missing.push(`${page}: npm run ${script}`);
    for (const [path] of text.matchAll(/(?<![\w/.-])(?:test|dist)\/[\w./-]+/g)) {
      const source = path.replace(/^dist\//, '').replace(/\.js$/, '.ts');
      if (!existsSync(join(root, source))) missing.push(`${page}: ${path}`);
    }
  }
  expect(missing).toEqual([]);
});
