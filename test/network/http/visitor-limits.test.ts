import type { RequestListener, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { HttpClient, serveHttp } from '../../../src/network/http/http-stream.ts';
import { visitorLimits, type VisitorLimits } from '../../../src/network/http/visitor-limits.ts';
import { afterwards } from '../../service/workshop.ts';
import { startNetwork, startPair } from '../test-network.ts';
import { until } from '../../patience.ts';

interface Visit {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

/** A server with these limits, and two peers that visit it. */
async function openDoor(
  listener: RequestListener,
  limits: Partial<VisitorLimits>,
): Promise<{ readonly one: () => Promise<Visit>; readonly other: () => Promise<Visit> }> {
  const [visitor, host] = await startPair();
  const neighbour = await startNetwork();
  neighbour.learn(host.peerId, host.addresses());
  const server = await serveHttp(host, listener, { limits: { ...visitorLimits, ...limits } });
  afterwards(() => server.close());
  const [one, other] = [visitor, neighbour].map((network) => {
    const client = new HttpClient(network);
    afterwards(() => client.close());
    return async (): Promise<Visit> => {
      const { status, headers, body } = await client.request(host.peerId, { path: '/' });
      const text = (await body.toArray()).join('');
      return { status, text, retryAfter: headers['retry-after'] };
    };
  }) as [() => Promise<Visit>, () => Promise<Visit>];
  return { one, other };
}

describe('the data plane', () => {
  test('bounds the requests of one peer at a time, tells it so, and accepts the next when one is done', async () => {
    const waiting: ServerResponse[] = [];
    const { one, other } = await openDoor((_request, response) => waiting.push(response), { requestsAtOnce: 2 });
    const underWay = [one(), one()];
    await until('two requests are under way', () => waiting.length === 2);
    const refused = await one();
    expect(refused).toMatchObject({ status: 429, retryAfter: '1' });
    expect(refused.text).toContain('at most 2 requests at a time');
    const neighbour = other();
    await until('the neighbour is let in all the same', () => waiting.length === 3);
    for (const response of waiting) response.end('done');
    expect((await Promise.all([...underWay, neighbour])).map(({ status }) => status)).toEqual([200, 200, 200]);
    const again = one();
    await until('a seat is free again', () => waiting.length === 4);
    waiting[3]?.end('done');
    expect((await again).status).toBe(200);
  });

  test('bounds the requests of one peer per second, without affecting other peers', async () => {
    const limits = { requestsPerSecond: 0.001, requestBurst: 3 };
    const { one, other } = await openDoor((_request, response) => response.end('done'), limits);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await one()).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect((await other()).status).toBe(200);
  });
});
