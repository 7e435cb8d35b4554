/** `banyan topology info`: reads any format and prints the figures that one needs to choose a requirement. */
import { plan } from '../command.ts';
import { namedWithin, parseChoice, value } from '../settings/option.ts';
import { UserError } from '../words/user-error.ts';
import { asTold, scaledAsAsked, scalingOptions } from './scaling.ts';
import { summaryText } from './summary-text.ts';
import { openTopology } from './topology-file.ts';

const formats = ['alt', 'matrix', 'graphml'] as const;

export const info = plan({
  name: 'info',
  summary: 'what a topology holds: nodes, links, domains, RTTs',
  description: 'What a topology holds: nodes, links, domains, RTTs.',
  args: [
    {
      name: 'topology',
      about: 'a file (GT-ITM ALT, matrix of RTTs in ms, GraphML) or the name of a ready-made topology',
      isRequired: true,
    },
  ],
  options: namedWithin('topology', {
    format: value('format', '<format>', `what the file is: ${formats.join(', ')}`, parseChoice(formats), null, {
      fallbackText: 'found from its content',
    }),
    ...scalingOptions,
  }),
  examples: [
    ['banyan topology info f.alt --json', ''],
    ['banyan topology info measured.csv --mean-rtt 90', ''],
    ['banyan topology info continents-24', ''],
  ],
  run: async (session, { format, ...scaling }, [name = '']) => {
    const topology = await openTopology(name, format ?? undefined);
    if (topology.size < 2) throw new UserError(`${name}: the topology has one node, and so no RTT to describe.`);
    const { describeTopology } = await import('../../topology/index.ts');
    const scaled = await scaledAsAsked(session, topology, scaling);
    const summary = await asTold(session, () => describeTopology(scaled));
    session.output.result({ kind: 'topology', ...summary }, () => summaryText(summary));
  },
});
