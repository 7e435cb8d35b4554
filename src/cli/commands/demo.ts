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
      'Starts a farm on this machine: each peer is a process of its own, the delays between them are emulated, and users send ' +
      'real requests. A release is published, and servers are killed and drained. Runs until Ctrl-C, which ends every process.',
    args: [],
    options: {
      seconds: value(
        'seconds',
        '<count>',
        'end after this many seconds (or a duration such as 2m)',
        parseSeconds,
        null,
        { fallbackText: 'until Ctrl-C' },
      ),
      volunteers: value('volunteers', '<count>', 'how many volunteers', parseWhole(10, 200), 10),
      port: value('port', '<port>', 'port of the site; when it is in use, the next free one', parsePort, 8080, {
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
