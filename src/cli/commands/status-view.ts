/** A peer's status as text for a person. Pure. */
import type { NodeStatus } from '../../host/index.ts';
import type { DaemonInfo } from '../daemon/control.ts';
import { lastActionText, standingText } from '../words/explanation.ts';
import { short } from '../words/narration.ts';
import { type Style, facts, table } from '../words/output.ts';
import { formatBytes, formatCount, formatDurationMs } from '../words/quantities.ts';

export type Paint = (style: Style, text: string) => string;

export function statusText(status: NodeStatus, info: DaemonInfo, paint: Paint): string {
  const { service, release, limits } = status;
  const sections = [
    facts([
      ['service', `${paint('bold', service.name)}  ${paint('dim', service.id)}`],
      ['peer', status.peerId],
      ['role', roleOf(status)],
      [
        'parent',
        status.parent === null
          ? status.role === 'root'
            ? 'none: this is the root'
            : 'none yet'
          : `${short(status.parent)}, ${status.depth ?? '?'} below the root`,
      ],
      status.server === null || status.server === status.peerId ? null : ['served by', short(status.server)],
      [
        'children',
        `${formatCount(status.serverChildren.length, 'server')}, ${formatCount(status.clientChildren.length, 'client')}; ` +
          `${formatCount(status.subtreeSize, 'peer')} in the subtree`,
      ],
      ['release', releaseOf(release)],
      [
        'served',
        `${formatCount(status.requestsServed, 'request')}, ${formatBytes(status.bytesServed)}, ` +
          `in ${formatDurationMs(status.servingSeconds * 1000)} of serving`,
      ],
      ...qualityRows(status),
      [
        'reachable',
        status.reachable ? paint('green', 'yes') : paint('yellow', 'not from other networks, as far as is known'),
      ],
      limits === null ? null : ['gives at most', limitsText(limits)],
      ['up for', `${formatDurationMs(status.uptimeSeconds * 1000)} (process ${info.pid}, version ${info.version})`],
      info.url === null ? null : ['open', info.url],
      ...status.addresses.map((address, index): [string, string] => [index === 0 ? 'addresses' : '', address]),
    ]),
  ];
  if (status.servers.length > 0) sections.push(serversTable(status));
  const children = [
    ...status.serverChildren.map((child) => ['server', child] as const),
    ...status.clientChildren.map((child) => ['client', child] as const),
  ];
  if (children.length > 0) {
    sections.push(
      table([
        ['CHILD', 'AS', 'RTT', 'PEERS', 'REACHABLE'],
        ...children.map(([as, child]) => [
          short(child.peerId),
          as,
          ms(child.rttMs),
          child.size,
          child.reachable ? 'yes' : 'no',
        ]),
      ]),
    );
  }
  sections.push(
    status.problems.length === 0
      ? paint('green', 'All is well.')
      : status.problems.map((problem) => `${paint('yellow', 'Problem:')} ${problem}`).join('\n'),
  );
  return sections.join('\n\n');
}

/** What is required, and at the root how it stands. */
function qualityRows({ quality }: NodeStatus): [string, string][] {
  if (quality.requirement === null) return [];
  const { policy, margin } = quality;
  const last = lastActionText(quality);
  return [
    ['required', standingText(quality)],
    ['policy', `${policy}, margin ${margin}`],
    ...(last === null ? [] : [['decided last', last] satisfies [string, string]]),
  ];
}

function serversTable({ servers, peerId }: NodeStatus): string {
  const shown = [...servers].sort((a, b) => (a.delayMs ?? Infinity) - (b.delayMs ?? Infinity)).slice(0, 20);
  const rows = shown.map((server) => [
    short(server.peerId) + (server.peerId === peerId ? ' (this)' : ''),
    server.full ? `${server.state}, full` : server.state,
    ms(server.delayMs),
    server.requests,
  ]);
  const more = servers.length > shown.length ? `\n… and ${servers.length - shown.length} more` : '';
  return table([['SERVER', 'STATE', 'DELAY', 'ASKED'], ...rows]) + more;
}

function roleOf({ role, draining, full, attached }: NodeStatus): string {
  const states = [full ? 'full' : '', draining ? 'draining' : '', attached ? '' : 'not attached'].filter(
    (state) => state !== '',
  );
  return states.length === 0 ? role : `${role} (${states.join(', ')})`;
}

function releaseOf({ installed, latest, installing }: NodeStatus['release']): string {
  const here = installed === 0 ? 'none installed' : `${installed} installed`;
  const behind = latest > installed ? `, ${latest} is the latest` : '';
  if (installing === null) return here + behind;
  const share =
    installing.bytesTotal > 0 ? `${Math.floor((100 * installing.bytesDone) / installing.bytesTotal)}% of ` : '';
  return `${here}, fetching ${installing.number} (${share}${formatBytes(installing.bytesTotal)})`;
}

function limitsText({ uploadBytesPerSecond, storageBytes, clients }: NonNullable<NodeStatus['limits']>): string {
  return [
    uploadBytesPerSecond === 0 ? 'any upload' : `${formatBytes(uploadBytesPerSecond)}/s upload`,
    storageBytes === 0 ? 'any storage' : `${formatBytes(storageBytes)} of storage`,
    clients === 0 ? 'any number of clients' : `${clients} clients`,
  ].join(', ');
}

function ms(value: number | null): string {
  return value === null ? '-' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
