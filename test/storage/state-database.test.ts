import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeState } from '../../src/host/node-state.ts';
import { createToken, redeemToken } from '../../src/service/token-book.ts';
import { migrations } from '../../src/storage/migrations.ts';
import type { StateRow } from '../../src/storage/record-table.ts';
import type { OpenOptions } from '../../src/storage/sqlite-file.ts';
import { stateFile, StateDatabase } from '../../src/storage/state-database.ts';
import {
  CorruptStateError,
  DiskFullError,
  NewerStateError,
  StateBusyError,
  StorageError,
} from '../../src/storage/storage-errors.ts';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
let folder = '';
let path = '';
const open: StateDatabase[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-state-'));
  path = join(folder, stateFile);
});
afterEach(() => {
  for (const database of open.splice(0)) database.close();
  rmSync(folder, { recursive: true });
});

function openState(options?: OpenOptions): StateDatabase {
  const database = StateDatabase.open(path, options);
  open.push(database);
  return database;
}

const row = (kind: string, key: string, value: string): StateRow => ({
  kind,
  key: Buffer.from(key),
  value: Buffer.from(value),
});
const texts = (rows: readonly StateRow[]): string[] =>
  rows.map(({ kind, key, value }) => `${kind}/${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`);

describe('the state database', () => {
  it('returns after a restart what was written, the latest row of each kind and key', () => {
    const first = openState();
    first.put([row('member', 'b', '1'), row('member', 'a', '1'), row('role', '', 'client')]);
    first.put([row('member', 'a', '2')]);
    first.remember('charter', 'the document');
    first.count('requests-served', 40);
    first.count('requests-served', 2.5);
    first.close();
    const second = openState();
    expect(texts(second.all())).toEqual(['member/b=1', 'role/=client', 'member/a=2']);
    expect(texts(second.records.list('member'))).toEqual(['member/a=2', 'member/b=1']);
    expect(second.recall('charter')).toBe('the document');
    expect([second.counter('requests-served'), second.counter('bytes-served')]).toEqual([42.5, 0]);
    expect(second.replaced).toBeUndefined();
  });

  it('has the interface that the host needs', () => {
    const state: NodeState = openState();
    expect([state.recall('charter'), state.counter('bytes-served'), state.all()]).toEqual([null, 0, []]);
  });

  it('keeps a bounded number of the latest decisions, and finds them by action', () => {
    const { decisions } = openState();
    for (let round = 1; round <= 10_050; round += 1_000) decisions.put([{ round, actions: 'promote', body: 'a' }]);
    decisions.put([{ round: 20_000, actions: 'promote move', body: 'b' }], [1]);
    expect(decisions.last(2).map(({ round }) => round)).toEqual([10_001, 20_000]);
    expect(decisions.last(5, 'move')).toEqual([{ round: 20_000, actions: 'promote move', body: 'b' }]);
    expect(decisions.last(5, 'mov')).toEqual([]);
    expect(decisions.last(100).map(({ round }) => round)).not.toContain(1);
    const rows = Array.from({ length: 10_005 }, (_, i) => ({ round: 30_000 + i, actions: '', body: 'c' }));
    decisions.put(rows);
    expect(decisions.last(20_000)).toHaveLength(10_000);
    expect(decisions.last(20_000)[0]?.round).toBe(30_005);
  });

  it('applies deletions and writes in the order given', () => {
    const state = openState();
    const away = { kind: 'member', key: Buffer.from('a'), value: null };
    state.put([row('member', 'b', '1'), row('member', 'a', '1'), away]);
    expect(texts(state.all())).toEqual(['member/b=1']);
    state.put([away, row('member', 'a', '2')]);
    expect(texts(state.all())).toEqual(['member/b=1', 'member/a=2']);
  });

  it('looks up and deletes single records', () => {
    const { records } = openState();
    records.put([row('member', 'a', '1')]);
    expect(Buffer.from(records.get('member', Buffer.from('a')) ?? []).toString()).toBe('1');
    expect([records.delete('member', Buffer.from('a')), records.delete('member', Buffer.from('a'))]).toEqual([
      true,
      false,
    ]);
    expect(records.get('member', Buffer.from('a'))).toBeUndefined();
  });

  it('guarantees that commits are on the disk, also after writes and reopening', () => {
    const first = openState();
    expect(first.isDurable()).toBe(true);
    first.put([row('role', '', 'root')]);
    first.batch(() => first.remember('a', 'b'));
    expect(first.isDurable()).toBe(true);
    first.close();
    expect(openState().isDurable()).toBe(true);
  });

  it('writes all of a batch or nothing, nested batches included', () => {
    const state = openState();
    const failing = (): void =>
      state.batch(() => {
        state.put([row('role', '', 'server')]);
        state.count('requests-served', 1);
        throw new Error('half way');
      });
    expect(failing).toThrow('half way');
    expect([state.all(), state.counter('requests-served')]).toEqual([[], 0]);
    expect(() => state.batch(() => Promise.resolve())).toThrow('must be synchronous');
    state.batch(() => state.batch(() => state.remember('a', 'b')));
    expect(state.recall('a')).toBe('b');
    state.forget('a');
    expect(state.recall('a')).toBeNull();
  });

  it('serves two openers, one after the other, and says who is in the way', () => {
    const [one, two] = [openState(), openState({ busyTimeoutMs: 20 })];
    one.put([row('role', '', 'root')]);
    expect(texts(two.all())).toEqual(['role/=root']);
    one.batch(() => {
      one.remember('a', 'one');
      expect(() => two.remember('a', 'two')).toThrow(StateBusyError);
      expect(two.recall('a')).toBeNull();
    });
    two.remember('b', 'two');
    expect([one.recall('a'), one.recall('b')]).toEqual(['one', 'two']);
  });
});

describe('a state file of an earlier program', () => {
  it('keeps its records in their old order, and new ones come after them', () => {
    const raw = new Database(path);
    for (const step of migrations.slice(0, 2)) raw.exec(step);
    raw.pragma('user_version = 2');
    const insert = raw.prepare('INSERT INTO records (kind, key, value) VALUES (?, ?, ?)');
    for (const [kind, key] of [
      ['role', ''],
      ['member', 'b'],
      ['member', 'a'],
    ] as const)
      insert.run(kind, Buffer.from(key), Buffer.from('old'));
    raw.close();
    const state = openState();
    expect(texts(state.all())).toEqual(['member/a=old', 'member/b=old', 'role/=old']);
    state.put([row('incarnation', '', 'new'), row('member', 'a', 'new')]);
    expect(texts(state.all())).toEqual(['member/b=old', 'role/=old', 'incarnation/=new', 'member/a=new']);
  });
});

describe('a state file that cannot be used', () => {
  it('is refused and left unchanged when a newer program has written it', () => {
    openState().close();
    const raw = new Database(path);
    raw.pragma(`user_version = ${migrations.length + 3}`);
    raw.close();
    const before = readFileSync(path);
    expect(() => openState({ recoverOrFresh: true })).toThrow(NewerStateError);
    expect(() => openState()).toThrow(
      `has version ${migrations.length + 3}, this program knows versions up to ${migrations.length}`,
    );
    expect(readFileSync(path)).toEqual(before);
  });

  it('is moved aside when it is damaged, with an error that says where it is and what to do', () => {
    writeFileSync(path, 'this was never a database, but it is long enough to be looked at. '.repeat(40));
    const before = readFileSync(path);
    const nowMs = Date.UTC(2026, 10, 21, 3, 4, 5);
    let error: unknown;
    try {
      openState({ nowMs });
    } catch (caught) {
      error = caught;
    }
    if (!(error instanceof CorruptStateError)) throw new Error(`expected a CorruptStateError, got ${String(error)}`);
    expect(error.keptAs).toBe(`${path}.corrupt-2026-11-21T03-04-05.000Z`);
    expect(error.message).toContain(`it is kept as ${error.keptAs}`);
    expect(error.message).toContain('Put a backup in its place, or start again');
    expect(readFileSync(error.keptAs as string)).toEqual(before);
    expect(existsSync(path)).toBe(false);
    expect(openState().all()).toEqual([]);
  });

  it('with damaged pages is detected, kept whole with its log, and replaced when asked to', () => {
    const state = openState();
    for (let index = 0; index < 400; index += 1) state.put([row('member', `peer ${index}`, 'x'.repeat(200))]);
    state.close();
    const size = statSync(path).size;
    const file = openSync(path, 'r+');
    for (let at = 8_192; at < size; at += 4_096) writeSync(file, Buffer.alloc(1_000, 0xa5), 0, 1_000, at);
    closeSync(file);
    const damaged = readFileSync(path);
    expect(() => openState()).toThrow(/ is damaged \([^*\n]*\w[^*\n]*\)\. Nothing was deleted/);
    writeFileSync(path, damaged);

    const fresh = openState({ recoverOrFresh: true });
    expect(fresh.replaced).toMatch(/state\.db\.corrupt-\d{4}-/);
    expect(statSync(fresh.replaced as string).size).toBe(size);
    expect(fresh.all()).toEqual([]);
    fresh.put([row('role', '', 'client')]);
    expect(texts(fresh.all())).toEqual(['role/=client']);
  });

  it('keeps every damaged file, however many there were', () => {
    for (let index = 0; index < 3; index += 1) {
      writeFileSync(path, 'garbage '.repeat(1_000 + index));
      openState({ recoverOrFresh: true, nowMs: 0 }).close();
      rmSync(path);
    }
    expect(readdirSync(folder).filter((name) => name.includes('.corrupt-'))).toHaveLength(3);
  });

  it('is distinguished from a missing folder', () => {
    path = join(folder, 'no', 'such', stateFile);
    expect(() => openState()).toThrow(/directory does not exist|cannot be used/);
  });
});

describe('a full disk', () => {
  it('is reported, rolls the whole batch back, and leaves the database usable', () => {
    const state = openState({ maxBytes: 256 * 1024 });
    state.put([row('role', '', 'client')]);
    const tooMuch = (): void =>
      state.batch(() => {
        state.remember('before', 'the flood');
        for (let index = 0; index < 1_000; index += 1) state.put([row('member', `peer ${index}`, 'x'.repeat(1_000))]);
      });
    expect(tooMuch).toThrow(DiskFullError);
    expect(tooMuch).toThrow('free some space on its disk');
    expect(texts(state.all())).toEqual(['role/=client']);
    expect(state.recall('before')).toBeNull();
    state.put([row('role', '', 'server')]);
    expect(texts(state.all())).toEqual(['role/=server']);
    expect(state.isDurable()).toBe(true);
  });
});

describe('a process that is killed', () => {
  it('leaves only whole batches, and every one that was reported done', async () => {
    // The child process runs the real code and writes batches of 50 rows until it is killed.
    const compiled = join(folder, 'compiled');
    const config = {
      extends: join(root, 'tsconfig.base.json'),
      compilerOptions: {
        composite: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
        rootDir: join(root, 'src/storage'),
        outDir: compiled,
      },
      include: [join(root, 'src/storage/**/*.ts')],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
    const child = `
      import { StateDatabase } from '${join(compiled, 'state-database.js')}';
      const state = StateDatabase.open(process.argv[2]);
      const from = Number(process.argv[3]);
      for (let batch = from; ; batch += 1) {
        state.batch(() => {
          for (let index = 0; index < 50; index += 1) {
            state.put([{ kind: String(batch), key: Buffer.from([index]), value: Buffer.alloc(300, batch) }]);
          }
        });
        process.stdout.write(batch + '\\n');
      }
    `;
    writeFileSync(join(folder, 'child.mjs'), child);

    let reported = -1;
    for (let round = 0; round < 4; round += 1) {
      const writer = spawn(process.execPath, [join(folder, 'child.mjs'), path, String(reported + 1)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      const wanted = 3 + 7 * round;
      await new Promise<void>((resolveExit) => {
        writer.stdout.on('data', (chunk: Buffer) => {
          output += chunk.toString();
          if (output.split('\n').length > wanted) writer.kill('SIGKILL');
        });
        writer.on('close', () => resolveExit());
      });
      const lines = output.split('\n').slice(0, -1);
      expect(lines.length).toBeGreaterThanOrEqual(wanted);
      reported = Number(lines.at(-1));

      const state = openState();
      const batches = new Map<string, number>();
      for (const { kind } of state.all()) batches.set(kind, (batches.get(kind) ?? 0) + 1);
      for (let batch = 0; batch <= reported; batch += 1)
        expect([batch, batches.get(String(batch))]).toEqual([batch, 50]);
      expect([...batches.values()].every((rows) => rows === 50)).toBe(true);
      // The batch after the last reported one may have been committed without a report.
      expect(batches.size - (reported + 1)).toBeLessThanOrEqual(1);
      reported = batches.size - 1;
      state.close();
    }
  });
});

describe('the book of invite tokens', () => {
  it('lets each peer use a token once, as often as the token allows, across a restart', () => {
    const first = openState();
    const { token, record } = createToken({ nowMs: 1_000, expiresAtMs: 9_000, maxUses: 2 });
    first.tokens.add(record);
    const redeem = (state: StateDatabase, peerId: string, nowMs = 2_000): string => {
      const result = state.tokens.redeem(token.id, (known) => redeemToken(known, token, peerId, nowMs));
      if (!result.ok) return result.reason;
      return result.again ? 'again' : 'ok';
    };
    expect([redeem(first, 'anna'), redeem(first, 'anna'), redeem(first, 'ben')]).toEqual(['ok', 'again', 'ok']);
    first.close();
    const second = openState();
    expect([redeem(second, 'carl'), redeem(second, 'ben'), redeem(second, 'ben', 10_000)]).toEqual([
      'used-up',
      'again',
      'again',
    ]);
    expect(second.tokens.list()).toEqual([{ ...record, usedBy: ['anna', 'ben'] }]);
    expect([second.tokens.revoke(token.id), second.tokens.revoke('unknown')]).toEqual([true, false]);
    expect(redeem(second, 'ben')).toBe('revoked');
  });

  it('stores nothing when the rule refuses or throws', () => {
    const state = openState();
    const { token, record } = createToken({ nowMs: 1_000, expiresAtMs: null, maxUses: null });
    state.tokens.add(record);
    const failing = (): unknown =>
      state.tokens.redeem(token.id, () => {
        throw new Error('the rule broke');
      });
    expect(failing).toThrow('the rule broke');
    state.tokens.redeem('unknown', (known) => redeemToken(known, token, 'anna', 2_000));
    expect(state.tokens.list()).toEqual([record]);
  });
});

describe('errors', () => {
  it('carry a code for programs', () => {
    writeFileSync(path, 'garbage '.repeat(1_000));
    try {
      openState();
      throw new Error('opened garbage');
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      expect((error as StorageError).code).toBe('corrupt-state');
    }
  });
});
