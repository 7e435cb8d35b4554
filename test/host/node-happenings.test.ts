/** What whoever listens to a whole peer hears: of its core, its links, its disk, and its user's requests. */
import { describe, expect, it } from 'vitest';
import type { Happening } from '../../src/host/index.ts';
import { ask, serveHttp } from '../service/workshop.ts';
import { startClient, startRoot } from './running-node.ts';
import { until } from '../patience.ts';

describe('a peer', () => {
  it('tells of its place, its connections, its commits and each request of its user', async () => {
    const root = await startRoot();
    const client = await startClient(root);
    const heard: Happening[] = [];
    const end = client.happenings.listen((happening) => void heard.push(happening));
    await until('it has joined', () => client.status().attached);
    const port = await serveHttp((request, response) =>
      client.proxy(request, response, (why) => response.writeHead(503).end(why)),
    );
    expect((await ask(port, '/')).body.toString()).toBe('<h1>one</h1>');
    const types = (from: Happening['from']): string[] =>
      heard.filter((happening) => happening.from === from).map(({ event }) => event.type);
    expect(types('peer')).toEqual(expect.arrayContaining(['role-changed', 'attached']));
    expect(types('network')).toContain('connected');
    expect(types('commits')).toContain('committed');
    expect(types('reader')).toEqual(['server-asked', 'release-accepted', 'server-answered']);
    expect(heard.filter(({ from }) => from === 'reader').at(-1)).toMatchObject({
      event: { server: root.network.peerId, isFirst: true },
    });
    end();
    const count = heard.length;
    await ask(port, '/');
    expect(heard).toHaveLength(count);
  });
});
