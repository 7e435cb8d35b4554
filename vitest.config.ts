import { defineConfig } from 'vitest/config';
import { testLimitMs } from './test/patience.ts';
import { ClosingLine } from './test/run/closing-line.ts';
import { LongestFirst } from './test/run/longest-first.ts';

/** Where `.ci/run` wants the counts of passed and failed tests, as JSON. */
const report = process.env['BANYAN_TEST_REPORT'];
const closing = new ClosingLine();

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: testLimitMs,
    hookTimeout: testLimitMs,
    // Real processes and sockets share two cores: more at once would only make each of them slower.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    reporters: report === undefined ? ['default', closing] : ['default', ['json', { outputFile: report }], closing],
  },
});
