/** `banyan status`: how the peer is. */
import { anyPeer, findState } from '../daemon/choice.ts';
import { plan } from '../command.ts';
import { toggle, value } from '../settings/option.ts';
import { parsePositiveDurationMs } from '../words/quantities.ts';

export const status = plan({
  name: 'status',
  summary: 'how the peer on this machine is doing',
  description: 'Shows role, parent, children, release, requests and time served, reachability, and problems.',
  args: [],
  options: {
    watch: toggle('watch', 'refresh until Ctrl-C', { short: 'w' }),
    interval: value('interval', '<duration>', 'how often, with --watch', parsePositiveDurationMs, 2_000, {
      fallbackText: '2s',
    }),
  },
  examples: [
    ['banyan status', 'once'],
    ['banyan status --watch', 'live'],
    ['banyan status --json | jq .role', 'for a script'],
  ],
  run: async (session, { watch, interval }) => {
    const { folder, record } = await findState(session, { ...anyPeer, mustRun: true });
    const { ControlClient } = await import('../daemon/control-client.ts');
    const { statusText } = await import('./status-view.ts');
    const starts = { root: 'banyan serve', volunteer: 'banyan join', reader: 'banyan open', gateway: 'banyan gateway' };
    const client = await ControlClient.require(folder, starts[record.part]);
    const { output } = session;
    try {
      const info = await client.call('info', {});
      for (;;) {
        const now = await client.call('status', {});
        const text = (): string => statusText(now, info, (style, words) => output.paint(style, words));
        if (watch && !output.json) output.screen(text());
        else output.result({ kind: 'status', ...now, daemon: info }, text);
        if (!watch) return;
        await new Promise((resolve) => setTimeout(resolve, interval));
      }
    } finally {
      client.close();
    }
  },
});
