import { describe, expect, it } from 'vitest';
import { changesBetween, short } from '../../../src/cli/words/narration.ts';
import { statusText } from '../../../src/cli/commands/status-view.ts';
import { someStatus } from '../in-test-node.ts';

const info = {
  pid: 7,
  version: '0.1.0',
  command: 'join',
  part: 'volunteer',
  startedAtMs: 0,
  stateFolder: '/s',
  logFile: null,
  url: 'http://localhost:1/',
  neverServes: false,
} as const;

describe('the story a daemon tells', () => {
  const texts = (...args: Parameters<typeof changesBetween>): readonly string[] =>
    changesBetween(...args).map(({ text }) => text);

  it('begins with what it is', () => {
    expect(texts(null, someStatus)).toEqual([
      'A client of "my-site".',
      'Joined "my-site", below …hoBeQkCw.',
      'Release 1 is installed.',
    ]);
  });

  it('tells what changed, and nothing when nothing did', () => {
    expect(texts(someStatus, { ...someStatus, uptimeSeconds: 100, requestsServed: 50 })).toEqual([]);
    expect(texts(someStatus, { ...someStatus, role: 'server' })).toEqual(['Serving "my-site" to others. Thank you!']);
    expect(texts(someStatus, { ...someStatus, attached: false, parent: null })).toEqual([
      'Lost the farm; looking for a new parent.',
    ]);
    expect(texts(someStatus, { ...someStatus, parent: 'other' })).toEqual(['Moved below other.']);
    expect(texts(someStatus, { ...someStatus, release: { installed: 2, latest: 2, installing: null } })).toEqual([
      'Release 2 is installed.',
    ]);
  });

  it('tells a problem once, and when it is over', () => {
    const ill = { ...someStatus, problems: ['The disk is full.'] };
    expect(texts(someStatus, ill)).toEqual(['The disk is full.']);
    expect(texts(ill, ill)).toEqual([]);
    expect(texts(ill, someStatus)).toEqual(['Solved: The disk is full.']);
  });

  it('calls peers by the end of their ids, where they differ', () => {
    expect(short(someStatus.peerId)).toBe('…Tt1PRz6R');
  });
});

describe('the status page', () => {
  const page = (status: Partial<typeof someStatus>): string =>
    statusText({ ...someStatus, ...status }, info, (_, text) => text);

  it('shows role, parent, children, release, service done, reachability and that all is well', () => {
    const text = page({
      requestsServed: 1234,
      bytesServed: 5_600_000,
      servingSeconds: 3_725,
      limits: { uploadBytesPerSecond: 0, storageBytes: 2e9, clients: 64 },
    });
    for (const part of [
      'client',
      '1 below the root',
      '0 servers, 0 clients; 1 peer in',
      '1 installed',
      '1234 requests, 5.6 MB, in 1 h 2 min',
      'yes',
      'any upload, 2 GB of storage, 64 clients',
      'process 7',
      'http://localhost:1/',
      'All is well.',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('tells of servers that are full, this one and others', () => {
    const text = page({
      role: 'server',
      full: true,
      servers: [{ peerId: 'other-server', state: 'serving', full: true, incarnation: 1, delayMs: 9, requests: 4 }],
    });
    expect(text).toMatch(/role\s+server \(full\)/);
    expect(text).toContain('serving, full');
  });

  it('shows children, servers and problems when there are any', () => {
    const text = page({
      role: 'server',
      clientChildren: [{ peerId: 'child-of-mine', rttMs: 42.4, reachable: false, size: 3 }],
      servers: [
        { peerId: 'far-away-server', state: 'serving', full: false, incarnation: 1, delayMs: null, requests: 0 },
        { peerId: 'near-server', state: 'draining', full: false, incarnation: 1, delayMs: 3.25, requests: 9 },
      ],
      release: { installed: 1, latest: 3, installing: { number: 3, bytesDone: 50, bytesTotal: 200 } },
      problems: ['The disk is full.'],
    });
    expect(text).toMatch(/…-of-mine\s+client\s+42 ms\s+3\s+no/);
    expect(text.indexOf('near-server')).toBeLessThan(text.indexOf('…y-server'));
    expect(text).toContain('1 installed, fetching 3 (25% of 200 B)');
    expect(text).toContain('Problem: The disk is full.');
    expect(text).not.toContain('All is well.');
  });
});
