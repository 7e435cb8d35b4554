import { defineConfig } from 'vitest/config';
import { testLimitMs } from './test/patience.ts';

/** Where `.ci/run` wants the counts of passed and failed tests, as JSON. */
const report = process.env['BANYAN_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: testLimitMs,
    hookTimeout: testLimitMs,
    // Real processes and sockets share two cores: more at once would only make each of them slower.
    maxWorkers: 2,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
});
