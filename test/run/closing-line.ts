/**
 * What `npm test` says last: every test that was skipped, with its reason, and one plain line `N passed, N failed, N skipped` that a person
 * and a script read alike.
 */
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    // What broke outside of every test, a file that could not be loaded or an error that nobody caught, is a failure too.
    const broken = modules.filter((module) => module.errors().length > 0).length + unhandled.length;
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    const passed = count(tests, 'passed');
    const failed = count(tests, 'failed') + broken;
    const lines = [
      ...skipped.map((test) => `skipped: ${test.fullName} (${reasonOf(test)})`),
      `${passed} passed, ${failed} failed${skipped.length === 0 ? '' : `, ${skipped.length} skipped`}`,
    ];
    // When this process ends: the other reporters are through by then.
    process.once('exit', () => process.stdout.write(`${lines.join('\n')}\n`));
  }
}

function count(tests: readonly TestCase[], state: 'passed' | 'failed'): number {
  return tests.filter((test) => test.result().state === state).length;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === 'skipped' ? result.note : undefined) ?? 'no reason given';
}
