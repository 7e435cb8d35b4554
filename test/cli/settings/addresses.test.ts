import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { findFreePort } from '../../../src/cli/daemon/free-port.ts';
import { isLoopback, isPrivate, readAddress, toMultiaddr } from '../../../src/cli/settings/peer-address.ts';

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function takePort(): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('a port in use', () => {
  it('is stepped over, and said', async () => {
    const taken = await takePort();
    const found = await findFreePort(taken, '127.0.0.1', false);
    expect(found.steppedOver).toBe(taken);
    expect(found.port).toBeGreaterThan(taken);
  });

  it('is an error when exactly that port is wanted', async () => {
    const taken = await takePort();
    await expect(findFreePort(taken, '127.0.0.1', true)).rejects.toMatchObject({
      code: 'port-in-use',
      message: `Port ${taken} on 127.0.0.1 is in use by another program.`,
    });
  });

  it('does not concern who takes any port, or who lets it go again', async () => {
    expect(await findFreePort(0, '127.0.0.1', false)).toEqual({ port: 0, steppedOver: null });
    const { port } = await findFreePort(await takePort(), '127.0.0.1', false);
    expect((await findFreePort(port, '127.0.0.1', true)).port).toBe(port);
  });
});

describe('addresses', () => {
  it.each([
    ['0.0.0.0', '0.0.0.0', null],
    ['192.0.2.7:4747', '192.0.2.7', 4747],
    ['::1', '::1', null],
    ['[2001:db8::7]:4747', '2001:db8::7', 4747],
    ['[::]', '::', null],
    ['my.host.example:80', 'my.host.example', 80],
    ['/ip4/127.0.0.1/tcp/0', '127.0.0.1', 0],
    ['/ip6/::1/tcp/4747', '::1', 4747],
    ['/dns4/my.host.example/tcp/4747/p2p/12D3KooWabc', 'my.host.example', 4747],
  ])('%s is host %s, port %s', (text, host, port) => expect(readAddress(text, 'listen')).toEqual({ host, port }));

  it.each(['', 'my host', 'host:port', '1.2.3.4:70000', '/ip4/1.2.3.4/udp/1', ':80', 'http://x/'])(
    '"%s" is refused with examples',
    (text) => {
      expect(() => readAddress(text, 'listen')).toThrow(
        expect.objectContaining({ exitCode: 2, hint: expect.stringContaining('192.0.2.7:4747') as string }) as Error,
      );
    },
  );

  it('become multiaddrs', () => {
    expect([toMultiaddr('1.2.3.4', 5), toMultiaddr('::', 5), toMultiaddr('a.b', 5)]).toEqual([
      '/ip4/1.2.3.4/tcp/5',
      '/ip6/::/tcp/5',
      '/dns/a.b/tcp/5',
    ]);
  });

  it('tell whether they mean this machine, this house, or the world', () => {
    expect(
      ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1', '/ip4/10.0.0.1/tcp/1', '/dns/localhost/tcp/1'].map(isLoopback),
    ).toEqual([true, true, false, true]);
    expect(
      [
        '10.1.2.3',
        '172.16.0.1',
        '172.32.0.1',
        '192.168.1.1',
        '100.64.0.1',
        '100.128.0.1',
        'fd00::1',
        'fe80::1',
        '8.8.8.8',
        '2001:db8::1',
      ].map(isPrivate),
    ).toEqual([true, true, false, true, true, false, true, true, false, false]);
  });
});
