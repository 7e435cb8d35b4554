/**
 * What all commands that make a topology have in common: how to scale it, and where its text goes.
 *
 * The same command gives the same bytes anywhere. Without `--out` standard output carries the topology itself, and nothing else.
 */
import { writeFile } from 'node:fs/promises';
import type * as Topologies from '../../topology/index.ts';
import { type ActionPlan, type ArgumentPlan, plan } from '../command.ts';
import type { Session } from '../session.ts';
import { type OptionSpecs, type Settings, namedWithin, parseChoice, parseText, value } from '../settings/option.ts';
import { UsageError, UserError } from '../words/user-error.ts';
import { asTold, helpOf, scaledAsAsked, scalingOptions } from './scaling.ts';
import { summaryText } from './summary-text.ts';

const formats = ['alt', 'matrix'] as const;

const writingOptions = {
  ...scalingOptions,
  format: value(
    'format',
    '<format>',
    'alt (GT-ITM ALT text) or matrix (RTTs in ms as CSV)',
    parseChoice(formats),
    null,
    { fallbackText: 'alt for graphs and planes' },
  ),
  out: value('out', '<file>', 'where to write it; then --json tells what was written', parseText, null, {
    fallbackText: 'to standard output',
  }),
};

export interface Model<Specs extends OptionSpecs> {
  readonly name: string;
  /** A few words, for the list and, as a sentence, for its own help. */
  readonly summary: string;
  readonly notes?: string;
  readonly args?: readonly ArgumentPlan[];
  readonly options: Specs;
  readonly examples: readonly string[];
  /** @throws TopologyError for parameters that make no topology */
  make(topologies: typeof Topologies, parameters: Given<Settings<Specs>>, args: readonly string[]): Topologies.Topology;
}

/** Settings without those that nobody set. */
type Given<All> = { readonly [Key in keyof All]?: Exclude<All[Key], null> };

/** The command that writes topologies of a model. */
export function generator<const Specs extends OptionSpecs>(model: Model<Specs>): ActionPlan {
  const { name, summary, notes, args = [], options, examples } = model;
  return plan({
    name,
    summary,
    description: `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    ...(notes === undefined ? {} : { notes }),
    args,
    options: namedWithin('topology', { ...options, ...writingOptions }),
    examples: examples.map((line) => [line, ''] as const),
    run: async (session, settings, words) => {
      const own = Object.keys(options).flatMap((key) => (settings[key] === null ? [] : [[key, settings[key]]]));
      const parameters = Object.fromEntries(own) as Given<Settings<Specs>>;
      const writing = settings as unknown as Settings<typeof writingOptions>;
      const topologies = await import('../../topology/index.ts');
      const given = words.filter((word) => word !== undefined);
      await write(session, writing, () => model.make(topologies, parameters, given));
    },
  });
}

async function write(
  session: Session,
  { out, format, ...scaling }: Settings<typeof writingOptions>,
  make: () => Topologies.Topology,
): Promise<void> {
  // BANYAN_JSON, or the file, asks for JSON where there is a choice; here the topology itself was asked for.
  if (out === null && session.written.get('json')?.source === 'flag')
    throw new UsageError('--json needs --out, as standard output carries the topology itself.', {
      hint: helpOf(session),
    });
  const { describeTopology, GraphTopology, PlaneTopology, writeAlt, writeMatrix } =
    await import('../../topology/index.ts');
  const made = await scaledAsAsked(session, await asTold(session, make), scaling);
  const isGraph = made instanceof GraphTopology || made instanceof PlaneTopology;
  const isAlt = format === null ? isGraph : format === 'alt';
  const text = await asTold(session, () => (isAlt ? writeAlt(made) : writeMatrix(made)));
  if (out === null) {
    session.outside.stdout.write(text);
    return;
  }
  const summary = await asTold(session, () => describeTopology(made));
  await writeFile(out, text).catch((error: Error) => {
    throw new UserError(`Cannot write ${out}: ${error.message}.`, { cause: error });
  });
  session.output.result({ kind: 'topology', ...summary }, () => `wrote ${out}\n${summaryText(summary)}`);
}
