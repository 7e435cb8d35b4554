import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogFile } from '../../../src/cli/daemon/log-file.ts';
import { createLogger } from '../../../src/cli/daemon/log.ts';

let home = '';
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'by-'))));
afterEach(() => rm(home, { recursive: true }));

describe('a log file', () => {
  it('is set aside when it is full, and the oldest goes, so that it never takes more than its share', async () => {
    const file = new LogFile(join(home, 'd.log'), { maxBytes: 100, kept: 2 });
    for (let line = 1; line <= 50; line += 1) file.write(`line ${String(line).padStart(4, '0')}\n`);
    file.close();
    expect((await readdir(home)).sort()).toEqual(['d.log', 'd.log.1', 'd.log.2']);
    const texts = await Promise.all(['d.log.2', 'd.log.1', 'd.log'].map((name) => readFile(join(home, name), 'utf8')));
    for (const text of texts) expect(text.length).toBeLessThanOrEqual(100);
    expect(texts.join('').trimEnd().split('\n')).toEqual(
      Array.from({ length: 30 }, (_, index) => `line ${String(index + 21).padStart(4, '0')}`),
    );
  });

  it('is continued after a restart, and only its user can read it', async () => {
    new LogFile(join(home, 'd.log')).write('one\n');
    new LogFile(join(home, 'd.log')).write('two\n');
    expect(await readFile(join(home, 'd.log'), 'utf8')).toBe('one\ntwo\n');
    expect((await stat(join(home, 'd.log'))).mode & 0o777).toBe(0o600);
  });

  it('takes a line that is longer than a file', async () => {
    const file = new LogFile(join(home, 'd.log'), { maxBytes: 10 });
    file.write('a line of more than ten bytes\n');
    file.write('b\n');
    file.close();
    expect(await readFile(join(home, 'd.log'), 'utf8')).toBe('b\n');
  });

  it('gets what pino logs, one JSON object a line, from its level upwards', async () => {
    const file = new LogFile(join(home, 'd.log'));
    const logger = await createLogger({ level: 'info', file, isTerminal: true, hasColor: true });
    logger.debug('not this');
    logger.error({ err: new Error('broken') }, 'this');
    const lines = (await readFile(file.path, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { level: 50, msg: 'this', err: { message: 'broken' }, pid: process.pid },
    ]);
  });
});
