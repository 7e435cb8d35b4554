/** `banyan demo`, which is also `npm start`: the command line of the demonstration; what it shows is put in from outside. */
import { plan, type CommandPlan } from '../command.ts';
import type { DemoRequest } from '../demonstration/demo-request.ts';
import { value } from '../settings/option.ts';
import { parsePort, parsePositiveDurationMs, parseWhole } from '../words/quantities.ts';

export function demoCommand(runDemo: (request: DemoRequest) => Promise<number>): CommandPlan {
  return plan({
    name: 'demo',
    summary: 'a whole farm on this machine, live',
    description:
      'Starts a farm on this machine, each peer a process of its own with emulated wide-area delays, with users who send ' +
      'real requests; releases are updated, servers killed and drained. Stays until Ctrl-C, which ends all of it.',
    args: [],
    options: {
      seconds: value(
        'seconds',
        '<count>',
        'end by itself after so many seconds (or a duration such as 2m)',
        parseSeconds,
        null,
        { fallbackText: 'until Ctrl-C' },
      ),
      volunteers: value('volunteers', '<count>', 'how many volunteers', parseWhole(10, 200), 10),
      port: value('port', '<port>', 'port of the link to the site; stepped over when in use', parsePort, 8080, {
        flag: 'port',
      }),
    },
    examples: [
      ['npm start', 'watch it'],
      ['npm start -- --seconds 40 --json', 'for a script: the last line is a summary'],
    ],
    run: async (session, { seconds, volunteers, port }) => {
      process.exitCode = await runDemo({ seconds, volunteers, port, json: session.common.json });
    },
  });
}

function parseSeconds(text: string): number {
  return /^\d+$/.test(text.trim()) ? parseWhole(1, 86_400)(text) : parsePositiveDurationMs(text) / 1000;
}
