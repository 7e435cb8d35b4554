/** The parts of the demonstration that people see; the whole of it is played in test/e2e/demo.test.ts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Board, type Figures } from '../../../src/cli/demonstration/board.ts';
import { FarmProcess } from '../../../src/cli/demonstration/farm-process.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A process that says it is ready when its file of orders is there, and then stays. */
async function peer(): Promise<{ readonly process: FarmProcess; readonly letGo: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'by-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'peer.mjs');
  const order = join(folder, 'go');
  await writeFile(
    script,
    `import { existsSync } from 'node:fs';
    const timer = setInterval(() => {
      if (!existsSync(${JSON.stringify(order)})) return;
      clearInterval(timer);
      console.log(JSON.stringify({ kind: 'ready', peerId: 'somebody' }));
      setInterval(() => undefined, 1000);
    }, 5);`,
  );
  const process = new FarmProcess({ name: 'Cairo', folder, args: ['join'] }, script);
  cleanups.push(() => process.kill());
  return { process, letGo: () => writeFile(order, '') };
}

function tableOf(rows: Figures['rows']): string {
  let text = '';
  const board = new Board({ write: (more) => (text += more) });
  board.print({ rows, requiredMs: 60, medianMs: 70, firstMs: 150, ok: 10, failed: 0, url: 'http://127.0.0.1:1/' });
  return text;
}

describe('the table of the demonstration', () => {
  it('tells peers that are not there yet from peers that are starting and peers that are down', () => {
    const table = tableOf([
      { city: 'Tokyo', life: 'not yet', status: null },
      { city: 'Cairo', life: 'starting', status: null },
      { city: 'Mumbai', life: 'down', status: null },
      { city: 'Sydney', life: 'up', status: null },
    ]);
    expect(table).toMatch(/^ {2}Tokyo +not yet$/m);
    expect(table).toMatch(/^ {2}Cairo +starting$/m);
    expect(table).toMatch(/^ {2}Mumbai +down$/m);
    expect(table).toMatch(/^ {2}Sydney +no answer$/m);
    // It is shown when all is over: the site is gone.
    expect(table).not.toContain('http://');
  });
});

describe('a process of the demonstration', () => {
  it('is not there yet, starts, is up, and is down when it was killed, until it is back', async () => {
    const { process, letGo } = await peer();
    expect(process.life).toBe('not yet');
    const coming = process.start();
    expect(process.life).toBe('starting');
    await letGo();
    await coming;
    expect(process.life).toBe('up');
    await process.kill();
    expect(process.life).toBe('down');
    const comingBack = process.start();
    expect(process.life).toBe('starting');
    await comingBack;
    expect(process.life).toBe('up');
  });
});
