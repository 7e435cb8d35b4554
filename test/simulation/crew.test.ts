/** Many tasks on several threads: the outcomes come in order, a failure is named, and a request to stop is obeyed. */
import { describe, expect, it } from 'vitest';
import { runCrew } from '../../simulator/crew.ts';
import type { CrewOptions, Report, Work } from '../../simulator/crew.ts';

// The workers load built code: modules of the build whose exports can be had as work. Under vitest the crew itself is built code too.
const built = new URL('../../dist/', import.meta.url);
const { runCrew: runBuiltCrew } = (await import(new URL('simulator/crew.js', built).href)) as {
  runCrew: typeof runCrew;
};

/** Work for threads: a module that need not be a file. */
function moduleOf(source: string): string {
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

function workNamed<Task, Outcome>(name: string): Work<Task, Outcome> {
  const work = (): never => {
    throw new Error('this should run in a worker');
  };
  return Object.defineProperty(work, 'name', { value: name });
}

const slowFirst = moduleOf(`
  export async function doubled(task, report) {
    report(0.5, 'half of ' + task);
    await new Promise((resolve) => setTimeout(resolve, task === 1 ? 300 : 1));
    if (task === 13) throw Object.assign(new RangeError('thirteen'), { name: 'OminousError' });
    return task * 2;
  }
  export function endless() { for (;;); }
  export function mute() { process.exit(3); }
`);

function crewOf(tasks: readonly number[], more: Partial<CrewOptions<number, number>> = {}): Promise<number[]> {
  return runBuiltCrew<number, number>({ work: workNamed('doubled'), module: slowFirst, tasks, ...more });
}

describe('a crew of threads', () => {
  it('gives outcomes in the order of the tasks, whichever ends first', async () => {
    expect(await crewOf([1, 2, 3, 4, 5], { jobs: 3 })).toEqual([2, 4, 6, 8, 10]);
    expect(await crewOf([], { jobs: 3 })).toEqual([]);
  });

  it('tells how far it is, up to the end, never backwards', async () => {
    const steps: [number, number, string | undefined][] = [];
    await crewOf([1, 2, 3], { jobs: 2, progress: { step: (done, total, note) => steps.push([done, total, note]) } });
    expect(steps.at(-1)).toEqual([3, 3, undefined]);
    expect(steps).toContainEqual([expect.anything(), 3, 'half of 2']);
    expect(steps.map(([done]) => done)).toEqual(steps.map(([done]) => done).toSorted((a, b) => a - b));
  });

  it('names the task that failed, with what went wrong', async () => {
    const failing = crewOf([2, 13, 4], { jobs: 2, nameOf: (task) => `seed ${task}` });
    await expect(failing).rejects.toThrow('seed 13: thirteen');
    await expect(failing).rejects.toMatchObject({ name: 'TaskError', cause: { name: 'OminousError' } });
  });

  it('stops at once on request, though the workers never yield', async () => {
    const stop = new AbortController();
    const never = crewOf([1, 2], { jobs: 2, work: workNamed('endless'), signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 200);
    await expect(never).rejects.toThrow('enough');
    await expect(crewOf([1], { jobs: 1, signal: stop.signal })).rejects.toThrow('enough');
  });

  it('fails when a thread ends by itself, or the work does not exist', async () => {
    await expect(crewOf([1, 2], { jobs: 2, work: workNamed('mute') })).rejects.toThrow(/task \d of 2: .*code 3/);
    await expect(crewOf([1, 2], { jobs: 2, work: workNamed('absent') })).rejects.toThrow('no function called absent');
  });

  it('has a thread for a single job too, when asked', async () => {
    expect(await crewOf([4], { apart: true })).toEqual([8]);
  });
});

export function halved(task: number, report: Report): number {
  report(0.5);
  if (task < 0) throw new RangeError('negative');
  return task / 2;
}

describe('a single job', () => {
  const work = { work: halved, module: import.meta.url, jobs: 1 };

  it('works in the thread of the caller', async () => {
    expect(await runCrew({ ...work, tasks: [2, 4, 6] })).toEqual([1, 2, 3]);
  });

  it('names the task that failed, and stops between two tasks when told to', async () => {
    await expect(runCrew({ ...work, tasks: [2, -4] })).rejects.toThrow('task 2 of 2: negative');
    const stop = new AbortController();
    const done: number[] = [];
    const progress = { step: (share: number) => share === 1 && stop.abort(new Error('enough')) };
    const stopping = runCrew({
      ...work,
      work: (task: number) => done.push(task),
      tasks: [2, 4, 6],
      signal: stop.signal,
      progress,
    });
    await expect(stopping).rejects.toThrow('enough');
    expect(done).toEqual([2]);
  });

  it('refuses a number of jobs that makes no sense', async () => {
    await expect(runCrew({ ...work, tasks: [1], jobs: 0 })).rejects.toThrow('0 jobs');
  });
});
