/**
 * The rooms of `src/cli` stand in an order: each imports those below it and none above.
 *
 * A room is a folder, or a file that lies directly in `src/cli`. An `import type` counts like any other: a type
 * cannot be understood without the room that it is from.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../src/cli/', import.meta.url));

type Rooms = ReadonlyMap<string, ReadonlySet<string>>;

/** Which room imports which. `sources`: texts by path within `src/cli`. */
function roomsOf(sources: ReadonlyMap<string, string>): Rooms {
  const rooms = new Map<string, Set<string>>();
  for (const [path, text] of sources) {
    const [room = ''] = path.split('/');
    const imported = rooms.get(room) ?? new Set();
    rooms.set(room, imported);
    for (const [, specifier = ''] of text.matchAll(/(?:\bfrom|\bimport\(|\bimport)\s*'(\.[^']*)'/g)) {
      const [other = ''] = posix.join(posix.dirname(path), specifier).split('/');
      if (other !== '..' && other !== room) imported.add(other);
    }
  }
  return rooms;
}

/** Rooms that import each other in a ring, the first one again at the end; null when there is no ring. */
function ringIn(rooms: Rooms): readonly string[] | null {
  const done = new Set<string>();
  const search = (room: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(room)) return [...way.slice(way.indexOf(room)), room];
    if (done.has(room)) return null;
    for (const next of rooms.get(room) ?? []) {
      const ring = search(next, [...way, room]);
      if (ring !== null) return ring;
    }
    done.add(room);
    return null;
  };
  for (const room of rooms.keys()) {
    const ring = search(room, []);
    if (ring !== null) return ring;
  }
  return null;
}

function sourcesOfCli(): Map<string, string> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
  return new Map(paths.filter((path) => path.endsWith('.ts')).map((path) => [path, readFileSync(root + path, 'utf8')]));
}

test('no rooms of the command line import each other', () => {
  const rooms = roomsOf(sourcesOfCli());
  expect([...rooms.keys()]).toEqual(expect.arrayContaining(['commands', 'daemon', 'session.ts', 'words']));
  expect(rooms.get('commands')).toContain('daemon');
  expect(ringIn(rooms)).toBeNull();
});

test.each([
  ['words/output.ts', "import type { Session } from '../session.ts';", 'session.ts'],
  ['state/paths.ts', "const lock = await import('../daemon/lock.ts');", 'daemon'],
  ['settings/option.ts', "export { plan } from '../command.ts';", 'command.ts'],
])('a ring through %s is found', (path, line, other) => {
  const sources = sourcesOfCli();
  sources.set(path, `${line}\n${sources.get(path)}`);
  expect(ringIn(roomsOf(sources))).toEqual(expect.arrayContaining([path.split('/')[0], other]));
});
