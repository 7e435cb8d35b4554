import { describe, expect, it } from 'vitest';
import { Output, facts, table } from '../../../src/cli/words/output.ts';
import { UserError, tellError } from '../../../src/cli/words/user-error.ts';

function speak({
  json = false,
  isTTY = false,
  environment = {},
}: { json?: boolean; isTTY?: boolean; environment?: Record<string, string> } = {}) {
  const said = { stdout: '', stderr: '' };
  const stream = (kind: 'stdout' | 'stderr') => ({ isTTY, columns: 60, write: (text: string) => (said[kind] += text) });
  return { said, output: new Output({ json, environment, stdout: stream('stdout'), stderr: stream('stderr') }) };
}

describe('output', () => {
  it('is a sentence for people and an object for programs', () => {
    const result = { kind: 'invite', link: 'banyan:x' };
    const people = speak();
    people.output.result(result, () => 'Here it is.');
    expect(people.said).toEqual({ stdout: 'Here it is.\n', stderr: '' });
    const programs = speak({ json: true });
    programs.output.result(result, () => 'Here it is.');
    programs.output.warning('mind the gap');
    expect(programs.said).toEqual({
      stdout: '{"kind":"invite","link":"banyan:x"}\n',
      stderr: 'warning: mind the gap\n',
    });
  });

  it('shows progress on a terminal only, and wipes it away', () => {
    const pipe = speak();
    pipe.output.progress({ step: 'hashing', done: 1, total: 2 });
    expect(pipe.said.stderr).toBe('');
    const terminal = speak({ isTTY: true });
    terminal.output.progress({ step: 'hashing', done: 1, total: 2 });
    terminal.output.result({ kind: 'x' }, () => 'done');
    expect(terminal.said).toEqual({ stdout: 'done\n', stderr: '\r\u001b[Khashing 50% (1 of 2)\r\u001b[K' });
  });

  it('is coloured on a terminal, unless NO_COLOR is set or the terminal is dumb; or where FORCE_COLOR is', () => {
    const paint = (isTTY: boolean, environment: Record<string, string>): string =>
      speak({ isTTY, environment }).output.paint('red', 'x');
    const red = '\u001b[31mx\u001b[39m';
    expect(paint(true, {})).toBe(red);
    expect(paint(true, { NO_COLOR: '1' })).toBe('x');
    expect(paint(true, { NO_COLOR: '' })).toBe(red);
    expect(paint(true, { TERM: 'dumb' })).toBe('x');
    expect(paint(false, {})).toBe('x');
    expect(paint(false, { FORCE_COLOR: '1' })).toBe(red);
    expect(paint(false, { FORCE_COLOR: '1', NO_COLOR: '1' })).toBe('x');
  });

  it('passes no control characters from other machines to the terminal', () => {
    const { said, output } = speak();
    output.result({ kind: 'x' }, () => 'a\u001b]0;title\u0007b\u009b2J\rc\u202ed\te\nf');
    expect(said.stdout).toBe('a?]0;title?b?2J?c?d\te\nf\n');
  });

  it('aligns columns, numbers to the right, colours not counted', () => {
    expect(
      table([
        ['NAME', 'N'],
        ['\u001b[31ma\u001b[39m', 5],
        ['long name', 12],
      ]),
    ).toBe('NAME       N\n\u001b[31ma\u001b[39m           5\nlong name  12');
    expect(facts([['one', '1'], null, ['three', '3']])).toBe('one    1\nthree  3');
  });
});

describe('errors', () => {
  it('that a person can mend are a sentence and a hint, on stderr, in JSON for programs', () => {
    const told = tellError(new UserError('It is full.', { hint: 'Make room.', code: 'full' }));
    const people = speak();
    people.output.error(told, undefined);
    expect(people.said).toEqual({ stdout: '', stderr: 'error: It is full.\nMake room.\n' });
    const programs = speak({ json: true });
    programs.output.error(told, undefined);
    expect(JSON.parse(programs.said.stderr)).toEqual({
      kind: 'error',
      code: 'full',
      message: 'It is full.',
      hint: 'Make room.',
    });
  });

  it('of the system become sentences', () => {
    const error = Object.assign(new Error('EACCES: permission denied'), {
      code: 'EACCES',
      syscall: 'open',
      path: '/x',
    });
    expect(tellError(error)).toMatchObject({ message: 'Permission was denied for /x.', isExpected: true, exitCode: 1 });
    const port = Object.assign(new Error('listen'), { code: 'EADDRINUSE', syscall: 'listen', port: 80, address: '::' });
    expect(tellError(port)).toMatchObject({ message: 'Port 80 is in use by another program.' });
  });

  it('that nobody foresaw say how to learn more', () => {
    expect(tellError(new TypeError('x is not a function'))).toMatchObject({
      message: 'X is not a function.',
      hint: 'Run it again with --log-level debug to see where it comes from.',
      isExpected: false,
    });
    expect(tellError('thrown text')).toMatchObject({ message: 'Thrown text.', exitCode: 1 });
  });
});
