/** The story of a peer, told as it happens: by a peer of which only the outside is there, and by whole ones on loopback. */
import { describe, expect, it } from 'vitest';
import { narrate } from '../../../src/cli/daemon/narrator.ts';
import type { FarmNode, Happening, Node, NodeStatus } from '../../../src/host/index.ts';
import { startClient, startRoot } from '../../host/running-node.ts';
import { until } from '../../patience.ts';
import { folderOf } from '../../service/workshop.ts';
import { inTestNode, someStatus } from '../in-test-node.ts';

interface Narrated {
  readonly node: FarmNode;
  readonly texts: string[];
  looks: number;
  status: NodeStatus;
  readonly end: () => void;
}

function narrated(): Narrated {
  const told = { texts: [] as string[], looks: 0, status: someStatus };
  const node = inTestNode({
    status: () => {
      told.looks++;
      return told.status;
    },
  });
  const end = narrate(node, ({ text }) => void told.texts.push(text));
  return Object.assign(told, { node, end });
}

const attached = { type: 'attached', tree: 'clients', parent: 1, depth: 1, moved: false } as unknown;
const arose = { type: 'problem-arose', about: 'disk', sentence: 'The disk is full.' };
const peer = (event: unknown): Happening => ({ from: 'peer', event }) as Happening;

/** What was put off until the present work is done has been done. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the story of a peer', () => {
  it('begins at once with how it stands', () => {
    expect(narrated().texts).toEqual([
      'A client of "my-site".',
      'Joined "my-site", below …hoBeQkCw.',
      'Release 1 is installed.',
    ]);
  });

  it('reads the status once for all that happens in one turn, and tells what changed', async () => {
    const told = narrated();
    told.texts.length = 0;
    told.status = { ...someStatus, role: 'server', parent: 'other', problems: ['The disk is full.'] };
    told.node.happenings.tell(peer({ type: 'role-changed', role: 'server' }));
    told.node.happenings.tell(peer(attached));
    told.node.happenings.tell({ from: 'problems', event: arose as never });
    await settled();
    expect(told.texts).toEqual(['Serving "my-site" to others. Thank you!', 'Moved below other.', 'The disk is full.']);
    expect(told.looks).toBe(2);
  });

  it.each<[string, Happening, Partial<NodeStatus>]>([
    ['Outside the farm of "my-site".', peer({ type: 'role-changed', role: 'outside' }), { role: 'outside' }],
    ['Lost the farm; looking for a new parent.', peer({ type: 'orphaned' }), { attached: false, parent: null }],
    ['Moved below other.', peer(attached), { parent: 'other' }],
    [
      'Draining: this peer stops serving when its clients have moved to other servers.',
      peer({ type: 'draining-began' }),
      { draining: true },
    ],
    [
      'Release 2 is installed.',
      peer({ type: 'release-installed', number: 2 }),
      { release: { installed: 2, latest: 2, installing: null } },
    ],
    [
      'Release 2 is installed.',
      { from: 'reader', event: { type: 'release-accepted', release: 2 } },
      { release: { installed: 2, latest: 2, installing: null } },
    ],
    [
      'Other peers cannot reach this one any more; `banyan doctor` says what to do.',
      peer({ type: 'reachability-changed', reachable: false }),
      { reachable: false },
    ],
    ['The disk is full.', { from: 'problems', event: arose as never }, { problems: ['The disk is full.'] }],
  ])('tells: %s', async (text, happening, change) => {
    const told = narrated();
    told.texts.length = 0;
    told.status = { ...someStatus, ...change };
    told.node.happenings.tell(happening);
    await settled();
    expect(told.texts).toEqual([text]);
  });

  it('does not read the status for other happenings, nor after its end', async () => {
    const told = narrated();
    const { happenings } = told.node;
    happenings.tell(peer({ type: 'child-accepted' }));
    happenings.tell({ from: 'network', event: { type: 'connected', peerId: 'a' } });
    happenings.tell({ from: 'commits', event: { type: 'committed', records: 1, tookMs: 1 } });
    await settled();
    expect(told.looks).toBe(1);
    happenings.tell(peer(attached));
    told.end();
    happenings.tell(peer(attached));
    await settled();
    expect(told.looks).toBe(1);
  });
});

describe('the story of a whole peer', () => {
  /** Its words; and since something happened to it last: how many heartbeats have come, and how often it was looked at. */
  interface Watched {
    readonly texts: string[];
    looks: number;
    heartbeats: number;
  }

  function watched(node: Node): Watched {
    const seen: Watched = { texts: [], looks: 0, heartbeats: 0 };
    node.network.on('message', () => void seen.heartbeats++);
    const status = (): NodeStatus => {
      seen.looks++;
      return node.status();
    };
    narrate({ happenings: node.happenings, status }, ({ text }) => void seen.texts.push(text));
    const restart = (): void => {
      seen.looks = 0;
      seen.heartbeats = 0;
    };
    node.happenings.listen(() => void setImmediate(restart));
    return seen;
  }

  it('is told from start to end, and in a hundred quiet heartbeats the status is not read', async () => {
    const root = await startRoot();
    const ofRoot = watched(root);
    const client = await startClient(root);
    const ofClient = watched(client);
    const isReachable = (): boolean => client.status().attached && client.status().reachable;
    await until('the client has joined and can be reached', isReachable);
    // That a heartbeat was late, and a parent given up for it, is no rest.
    const areAtRest = (): boolean => ofRoot.heartbeats >= 100 && ofClient.heartbeats >= 100;
    await until('a hundred heartbeats have come to each at rest', areAtRest);
    expect([ofRoot.looks, ofClient.looks]).toEqual([0, 0]);
    expect(ofRoot.texts).toEqual(['This is the root of "A garden of pages".', 'Release 1 is installed.']);

    await root.update(await folderOf({ 'index.html': '<h1>two</h1>' }), () => {});
    client.volunteer();
    const serves = (): boolean => client.status().release.installed === 2 && client.status().role === 'server';
    await until('the client serves', serves);
    await client.drain();
    await root.stop();
    await until('the client is an orphan', () => !client.status().attached);
    await settled();
    expect(ofRoot.texts.slice(2)).toEqual(['Release 2 is installed.']);
    for (const text of [
      'A client of "A garden of pages".',
      `Joined "A garden of pages", below …${root.network.peerId.slice(-8)}.`,
      'Other peers can reach this one.',
      'Serving "A garden of pages" to others. Thank you!',
      'Release 2 is installed.',
      'Draining: this peer stops serving when its clients have moved to other servers.',
      'Lost the farm; looking for a new parent.',
      'This peer has lost its place in the farm and is looking for another.',
    ])
      expect(ofClient.texts).toContain(text);
    expect(ofClient.texts.filter((text) => text.startsWith('A client of'))).toHaveLength(2);
  }, 600_000);

  it('goes on when another listener throws, and tells that as a problem', async () => {
    const root = await startRoot();
    root.happenings.listen(({ from }) => {
      if (from === 'reader') throw new Error('no figures');
    });
    const { texts } = watched(root);
    await root.update(await folderOf({ 'index.html': '<h1>two</h1>' }), () => {});
    await root.update(await folderOf({ 'index.html': '<h1>three</h1>' }), () => {});
    await settled();
    const sentence =
      'A defect of this program: what listens to "reader: release-accepted" broke (no figures). The peer goes on.';
    expect(root.status().problems).toEqual([sentence]);
    expect(texts.filter((text) => text === sentence)).toHaveLength(1);
    expect(texts).toContain('Release 3 is installed.');
  });
});
