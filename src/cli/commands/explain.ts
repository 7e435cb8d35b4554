/** `banyan explain`: why the root chose the peers that serve. */
import { anyPeer, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { mostExplained } from '../daemon/control-methods.ts';
import { parseChoice, value } from '../settings/option.ts';
import { parseWhole } from '../words/quantities.ts';
import { UsageError } from '../words/user-error.ts';

const actions = { promotion: 'promote', retirement: 'retire', move: 'move' } as const;

export const explain = plan({
  name: 'explain',
  summary: 'why the farm promoted, retired or moved a server',
  description:
    'Shows what the root decided about servers, the latest last: the figures behind each decision, what was expected, what came of it, ' +
    'and what the next round showed. Run it where the root runs. The root decides only when the charter has a requirement; the last ' +
    '10,000 decisions are kept.',
  args: [{ name: 'what', about: 'promotion, retirement or move; all when left out' }],
  options: {
    last: value('last', '<count>', 'how many decisions, the latest ones', parseWhole(1, mostExplained), 10),
  },
  examples: [
    ['banyan explain', 'the last ten'],
    ['banyan explain promotion --last 1', 'why the newest server serves'],
    ['banyan explain --last 100 --json', 'for a script'],
  ],
  run: async (session, { last }, [what]) => {
    const about = what === undefined ? null : actions[actionNamed(what)];
    const { folder, record } = await findState(session, { ...anyPeer, mustRun: true });
    const { ControlClient } = await import('../daemon/control-client.ts');
    const { explanationText } = await import('../words/explanation.ts');
    const client = await ControlClient.require(folder, record.part === 'root' ? 'banyan serve' : 'banyan join');
    try {
      const entries = await client.call('explain', { about, last });
      const { quality } = await client.call('status', {});
      session.output.result({ kind: 'explanation', about, quality, entries }, () =>
        explanationText(entries, quality, (style, words) => session.output.paint(style, words)),
      );
    } finally {
      client.close();
    }
  },
});

function actionNamed(what: string): keyof typeof actions {
  try {
    return parseChoice(['promotion', 'retirement', 'move'])(what);
  } catch (error) {
    throw new UsageError(`explain: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
}
