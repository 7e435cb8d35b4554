/**
 * In which order the test files run: those that take longest first, so that both workers end at about the same time.
 *
 * Vitest begins with the largest files, or with those that it remembers as slow; a clone that never ran a test remembers nothing, and a
 * file of 25 lines that plays 2,000 farms would come last, with one core idle beside it.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take more than ten seconds on two quiet cores, the longest first; by name alone, so that they may move. */
export const longest = [
  'fault-seeds',
  'daemon',
  'bench',
  'farm',
  'demo',
  'quality',
  'death',
  'rules',
  'return',
  'start',
  'schedules',
  'departure',
  'neighbourhood',
  'storage',
  'program',
  'reader',
  'full',
  'liar',
  'emulation',
  'overload',
  'timing-wheel',
  'introduction',
];

function rank({ moduleId }: TestSpecification): number {
  const at = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
  return at < 0 ? longest.length : at;
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
