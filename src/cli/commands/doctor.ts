/** `banyan doctor`: what is wrong, and what to do about it. */
import { plan } from '../command.ts';
import { parsePort } from '../words/quantities.ts';
import { value } from '../settings/option.ts';

export const doctor = plan({
  name: 'doctor',
  summary: 'find out what is wrong, and what to do',
  description:
    'Examines versions, disk, clock, ports and reachability, and the peers on this machine, running or not. Each finding ' +
    'that needs something says what to do. Exits with code 1 when something must be repaired.',
  args: [],
  options: {
    port: value('port', '<port>', 'the port that peers would use', parsePort, 4747),
  },
  examples: [
    ['banyan doctor', 'examine everything'],
    ['banyan doctor --json', 'one finding a line'],
  ],
  run: async (session, { port }) => {
    const { examine } = await import('../doctor/examination.ts');
    const marks = { ok: ['green', '  ok'], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const;
    const counts = { ok: 0, warn: 0, fail: 0 };
    for await (const finding of examine(session, port)) {
      counts[finding.verdict] += 1;
      const [style, mark] = marks[finding.verdict];
      session.output.result({ kind: 'check', ...finding }, () => {
        const advice = finding.advice === null ? '' : `\n      ${finding.advice}`;
        return `${session.output.paint(style, mark)}  ${finding.sentence}${advice}`;
      });
    }
    session.output.result({ kind: 'doctor', ...counts }, () => verdict(counts));
    if (counts.fail > 0) process.exitCode = 1;
  },
});

function verdict({ warn, fail }: { readonly warn: number; readonly fail: number }): string {
  if (fail > 0) return `\n${fail} to mend${warn > 0 ? `, ${warn} to think about` : ''}.`;
  return warn > 0 ? `\nNothing is broken; ${warn} to think about.` : '\nAll is well.';
}
