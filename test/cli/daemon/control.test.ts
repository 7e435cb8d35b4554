import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FarmNode } from '../../../src/host/farm-node.ts';
import { type ControlReply, LineSplitter, maxLineBytes } from '../../../src/cli/daemon/control.ts';
import { findControlAddress, prepareControlAddress } from '../../../src/cli/daemon/control-address.ts';
import { ControlClient, callControl } from '../../../src/cli/daemon/control-client.ts';
import { controlMethods } from '../../../src/cli/daemon/control-methods.ts';
import { type ControlServer, serveControl } from '../../../src/cli/daemon/control-server.ts';
import { acquireLock } from '../../../src/cli/daemon/lock.ts';
import { type Part, StateFolder } from '../../../src/cli/state/state-folder.ts';
import { inTestNode, someStatus } from '../in-test-node.ts';

let home = '';
let folder: StateFolder;
let server: ControlServer | undefined;
const errors: unknown[] = [];
const stops: string[] = [];
const toStart = 'banyan join';

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'by-'));
  folder = new StateFolder(join(home, 'state'));
  errors.length = 0;
  stops.length = 0;
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  await rm(home, { recursive: true });
});

const remembered: string[] = [];

async function serve(parts: Partial<FarmNode> = {}, part: Part = 'root'): Promise<void> {
  remembered.length = 0;
  const info = {
    pid: 1,
    version: '0',
    command: 'serve',
    part,
    startedAtMs: 0,
    stateFolder: folder.path,
    logFile: null,
    url: null,
    neverServes: false,
  };
  server = await serveControl({
    address: await prepareControlAddress(folder, join(home, 'run')),
    methods: controlMethods({
      node: inTestNode(parts),
      info: () => info,
      stop: (reason) => stops.push(reason),
      remember: async (serving) => void remembered.push(serving),
    }),
    onError: (error) => errors.push(error),
  });
}

/** A connection that can say anything. */
async function rawConnection(): Promise<{ socket: Socket; replies: () => Promise<ControlReply[]> }> {
  const socket = connect(await findControlAddress(folder));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  // The daemon may cut us off while we are still sending.
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  const replies = async (): Promise<ControlReply[]> => {
    await ended;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ControlReply);
  };
  return { socket, replies };
}

/** What the daemon answers to these bytes, once it has answered a last request. */
async function answersTo(bytes: string | Uint8Array): Promise<ControlReply[]> {
  const { socket, replies } = await rawConnection();
  socket.end(Buffer.concat([Buffer.from(bytes), Buffer.from('\n{"id":99,"method":"status"}\n')]));
  return await replies();
}

describe('asking a daemon', () => {
  it('gives what the peer says', async () => {
    await serve();
    expect(await callControl(folder, 'status', {}, { toStart })).toEqual(someStatus);
    expect(await callControl(folder, 'invite', { expiresInSeconds: 60, uses: 3 }, { toStart })).toMatchObject({
      uses: 3,
    });
  });

  it('to drain or to serve is remembered for the next start', async () => {
    await serve({}, 'volunteer');
    await callControl(folder, 'drain', {}, { toStart });
    await callControl(folder, 'volunteer', {}, { toStart });
    expect(remembered).toEqual(['if-asked', 'at-once']);
  });

  it('passes on each step of what takes a while, then the end', async () => {
    await serve({
      update: async (site, progress) => {
        for (let done = 1; done <= 3; done += 1) progress({ step: `hashing ${site}`, done, total: 3 });
        return { number: 5, files: 3, bytes: 30, changed: true, leftOut: [] };
      },
    });
    const steps: number[] = [];
    const result = await callControl(
      folder,
      'update',
      { folder: '/site' },
      { toStart, onProgress: ({ done }) => steps.push(done) },
    );
    expect(steps).toEqual([1, 2, 3]);
    expect(result).toEqual({ number: 5, files: 3, bytes: 30, changed: true, leftOut: [] });
  });

  it('gives the sentence of what went wrong, and the daemon lives on', async () => {
    await serve({ update: () => Promise.reject(new TypeError('x is not a function')) });
    await expect(callControl(folder, 'update', { folder: '/site' }, { toStart })).rejects.toMatchObject({
      message: 'X is not a function.',
    });
    await expect(callControl(folder, 'update', { folder: 'site' }, { toStart })).rejects.toThrow(
      'folder must be an absolute path',
    );
    await expect(callControl(folder, 'invite', { expiresInSeconds: -1, uses: null }, { toStart })).rejects.toThrow(
      'above 0',
    );
    expect(errors).toHaveLength(1);
    expect(await callControl(folder, 'info', {}, { toStart })).toMatchObject({ pid: 1 });
  });

  it('refuses what the peer’s part does not allow', async () => {
    await serve({}, 'volunteer');
    await expect(callControl(folder, 'invite', { expiresInSeconds: null, uses: null }, { toStart })).rejects.toThrow(
      'only the root of a service can invite',
    );
    await callControl(folder, 'leave', {}, { toStart });
    expect(stops).toEqual(['leave']);
  });

  it('answers several questions on one connection in the order in which they are ready', async () => {
    let finish = (): void => undefined;
    await serve({ drain: () => new Promise<void>((resolve) => (finish = resolve)) }, 'volunteer');
    const client = await ControlClient.require(folder, toStart);
    const order: string[] = [];
    const drained = client.call('drain', {}).then(() => order.push('drain'));
    await client.call('status', {}).then(() => order.push('status'));
    finish();
    await drained;
    expect(order).toEqual(['status', 'drain']);
    client.close();
  });

  it('ends with a sentence when the daemon ends first', async () => {
    await serve({ drain: () => new Promise(() => undefined) }, 'volunteer');
    const { socket } = await rawConnection();
    socket.destroy();
    const client = await ControlClient.require(folder, toStart);
    const answer = client.call('drain', {});
    client.close();
    await expect(answer).rejects.toThrow('The daemon ended before it answered');
  });

  it('says how to start one when none runs, also where a crash left a socket', async () => {
    await expect(callControl(folder, 'status', {}, { toStart })).rejects.toMatchObject({
      code: 'not-running',
      hint: `Start it with \`banyan join --state ${folder.path}\`.`,
    });
    await serve();
    await server?.close();
    server = undefined;
    expect(await ControlClient.find(folder)).toBeNull();
  });

  it('says who it is when a process holds the folder but does not answer', async () => {
    const lock = await acquireLock(folder, { pid: 4242, startedAtMs: 0, command: 'join', version: '0' });
    await expect(ControlClient.find(folder)).rejects.toThrow('The process 4242 (banyan join) runs on');
    lock.release();
  });
});

describe('the control socket', () => {
  it('is for its user alone', async () => {
    await serve();
    const address = await findControlAddress(folder);
    expect((await stat(address)).mode & 0o777).toBe(0o600);
    expect((await stat(folder.file('run'))).mode & 0o777).toBe(0o700);
  });

  it('lies in the runtime folder, under a short name, where the state folder’s path is too long', async () => {
    folder = new StateFolder(join(home, 'deep'.repeat(20), 'deeper'.repeat(10)));
    await serve();
    const address = await findControlAddress(folder);
    expect(address).toMatch(new RegExp(`^${join(home, 'run')}/[0-9a-f]{16}\\.sock$`));
    expect((await stat(join(home, 'run'))).mode & 0o777).toBe(0o700);
    expect(await callControl(folder, 'status', {}, { toStart })).toEqual(someStatus);
  });
});

describe('what cannot be understood', () => {
  it.each([
    ['this is not JSON', null, 'malformed'],
    ['[]', null, 'malformed'],
    ['null', null, 'malformed'],
    ['{}', null, 'malformed'],
    ['{"id":"1","method":"status"}', null, 'malformed'],
    ['{"id":1}', 1, 'malformed'],
    ['{"id":1,"method":"status","params":[]}', 1, 'malformed'],
    ['{"id":1,"method":"statsu"}', 1, 'unknown-method'],
    ['{"id":1,"method":"__proto__"}', 1, 'unknown-method'],
    ['{"id":1,"method":"constructor"}', 1, 'unknown-method'],
  ])('is answered, and what follows is answered too: %s', async (line, id, code) => {
    await serve();
    const [first, last] = await answersTo(line);
    expect(first).toMatchObject({ id, error: { code } });
    expect(last).toMatchObject({ id: 99, result: someStatus });
  });

  it('suggests the method that was meant', async () => {
    await serve();
    expect((await answersTo('{"id":1,"method":"statsu"}'))[0]).toMatchObject({
      error: { hint: 'Did you mean status?' },
    });
  });

  it('includes any bytes at all', async () => {
    await serve();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const replies = await answersTo(bytes);
        expect(replies.at(-1)).toMatchObject({ id: 99, result: someStatus });
      }),
      { numRuns: 100 },
    );
    expect(errors).toEqual([]);
  });

  it('ends the connection when it is a line without an end, and only that connection', async () => {
    await serve();
    const { socket, replies } = await rawConnection();
    const flood = Buffer.alloc(maxLineBytes + 1, 'x');
    socket.write(flood);
    expect(await replies()).toEqual([
      {
        id: null,
        error: { message: `A line may not be longer than ${maxLineBytes} bytes.`, code: 'line-too-long' },
      },
    ]);
    expect(await callControl(folder, 'status', {}, { toStart })).toEqual(someStatus);
  });

  it('is told when too much is asked at once', async () => {
    await serve({ drain: () => new Promise(() => undefined) }, 'volunteer');
    const { socket, replies } = await rawConnection();
    for (let id = 1; id <= 40; id += 1) socket.write(`{"id":${id},"method":"drain"}\n`);
    let text = '';
    await new Promise<void>((resolve) =>
      socket.on('data', (chunk) => (text += String(chunk)).split('\n').length > 8 && resolve()),
    );
    socket.destroy();
    const refused = await replies();
    expect(refused).toHaveLength(8);
    expect(refused[0]).toMatchObject({ id: 33, error: { code: 'busy' } });
  });
});

describe('cutting bytes into lines', () => {
  it('gives the same lines however the bytes arrive', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll('\n', ''))),
        fc.array(fc.nat(20)),
        (lines, cuts) => {
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          const heard: string[] = [];
          const splitter = new LineSplitter(
            10_000,
            (line) => heard.push(line),
            () => heard.push('too long'),
          );
          let at = 0;
          for (const cut of cuts) splitter.push(bytes.subarray(at, (at += cut)));
          splitter.push(bytes.subarray(at));
          expect(heard).toEqual(lines);
        },
      ),
    );
  });

  it('stops at a line that is too long, and hears nothing after it', () => {
    const heard: string[] = [];
    const splitter = new LineSplitter(
      5,
      (line) => heard.push(line),
      () => heard.push('(too long)'),
    );
    splitter.push(Buffer.from('12345\n1234'));
    splitter.push(Buffer.from('56\n1\n'));
    splitter.push(Buffer.from('2\n'));
    expect(heard).toEqual(['12345', '(too long)']);
  });
});
