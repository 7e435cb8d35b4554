/** The stream of happenings: who hears what, in which order, and what a listener that throws cannot do. */
import { describe, expect, it } from 'vitest';
import { Happenings } from '../../src/host/happenings.ts';
import type { Happening } from '../../src/host/happenings.ts';
import { Problems } from '../../src/host/problems.ts';

const connected = (peerId: string): Happening => ({ from: 'network', event: { type: 'connected', peerId } });
const committed: Happening = { from: 'commits', event: { type: 'committed', records: 1, tookMs: 2 } };
const text = ({ from, event }: Happening): string => `${from}: ${event.type}`;

interface Told {
  readonly happenings: Happenings;
  readonly problems: Problems;
  /** What was logged. */
  readonly log: string[];
}

/** As in a node: what fails is a problem, and problems are happenings. */
function told(): Told {
  const log: string[] = [];
  const note = (_: object, message: string): void => void log.push(message);
  const happenings = new Happenings((sentence) => problems.say('listener', sentence));
  const problems: Problems = new Problems({ debug: note, warn: note, error: note }, (event) =>
    happenings.tell({ from: 'problems', event }),
  );
  return { happenings, problems, log };
}

const broken = (): never => {
  throw new Error('no figures');
};

describe('happenings', () => {
  it('reach all listeners, in the order in which they began to listen', () => {
    const { happenings } = told();
    const heard: string[] = [];
    for (const name of ['first', 'second', 'third'])
      happenings.listen(({ from }) => void heard.push(`${name} ${from}`));
    happenings.tell(connected('a'));
    happenings.tell(committed);
    expect(heard).toEqual([
      'first network',
      'second network',
      'third network',
      'first commits',
      'second commits',
      'third commits',
    ]);
  });

  it('reach nobody who has stopped listening, though the same function listens twice', () => {
    const { happenings } = told();
    const heard: string[] = [];
    const listener = (happening: Happening): void => void heard.push(text(happening));
    const end = happenings.listen(listener);
    happenings.listen(listener);
    end();
    end();
    happenings.tell(committed);
    expect(heard).toEqual(['commits: committed']);
  });

  it('are not heard any more by a listener that another has ended meanwhile, nor yet by one that came meanwhile', () => {
    const { happenings } = told();
    const heard: string[] = [];
    const hear =
      (name: string) =>
      (happening: Happening): void =>
        void heard.push(`${name} ${text(happening)}`);
    const endFirst = happenings.listen(() => {
      endFirst();
      endThird();
      happenings.listen(hear('new'));
    });
    happenings.listen(hear('second'));
    const endThird = happenings.listen(hear('third'));
    happenings.tell(connected('a'));
    expect(heard).toEqual(['second network: connected']);
    happenings.tell(committed);
    expect(heard.slice(1)).toEqual(['second commits: committed', 'new commits: committed']);
  });

  it('that a listener causes are heard by all after what caused them', () => {
    const { happenings } = told();
    const heard: string[] = [];
    happenings.listen(({ from }) => {
      if (from === 'network') happenings.tell(committed);
    });
    happenings.listen((happening) => void heard.push(text(happening)));
    happenings.tell(connected('a'));
    expect(heard).toEqual(['network: connected', 'commits: committed']);
  });
});

describe('a listener that throws', () => {
  it('stops nobody, and is told as a problem once for each kind of happening', () => {
    const { happenings, problems, log } = told();
    const heard: string[] = [];
    happenings.listen(({ from }) => {
      if (from !== 'problems') broken();
    });
    happenings.listen((happening) => void heard.push(text(happening)));
    for (const peerId of ['a', 'b', 'c']) happenings.tell(connected(peerId));
    expect(heard).toEqual([
      'network: connected',
      'problems: problem-arose',
      'network: connected',
      'network: connected',
    ]);
    expect(problems.list()).toEqual([
      'A defect of this program: what listens to "network: connected" broke (no figures). The peer goes on.',
    ]);
    happenings.tell(committed);
    expect(log).toHaveLength(2);
    expect(log[1]).toContain('what listens to "commits: committed" broke');
  });

  it('even when it throws on the problem that tells of it', () => {
    const { happenings, log } = told();
    const heard: string[] = [];
    happenings.listen(broken);
    happenings.listen((happening) => void heard.push(text(happening)));
    for (const peerId of ['a', 'b']) happenings.tell(connected(peerId));
    expect(heard.filter((what) => what === 'network: connected')).toHaveLength(2);
    expect(log).toEqual([
      expect.stringContaining('"network: connected" broke'),
      expect.stringContaining('"problems: problem-arose" broke'),
    ]);
  });
});

describe('a problem', () => {
  it('is told when it arises, when another sentence takes its place, and when it is over', () => {
    const { happenings, problems } = told();
    const heard: string[] = [];
    happenings.listen(({ from, event }) => {
      if (from === 'problems') heard.push(`${event.type} ${event.sentence}`);
    });
    problems.over('disk');
    problems.say('disk', 'The disk is full.');
    problems.say('disk', 'The disk is full.');
    problems.say('disk', 'The disk is broken.');
    problems.over('disk');
    problems.over('disk');
    expect(heard).toEqual([
      'problem-arose The disk is full.',
      'problem-arose The disk is broken.',
      'problem-solved The disk is broken.',
    ]);
  });
});
