/**
 * Tests that need something of the machine: a program, the right to mount.
 *
 * Where it is missing they are skipped and say why. With `BANYAN_REQUIRE_PROGRAMS=1`, as in CI, missing is failing: otherwise a
 * machine that lacks half of what is needed would look like a success.
 */
import { it } from 'vitest';

type TestOf = (title: string, test: () => Promise<void> | void) => void;

/** `it` where the machine `has` what is needed; `what` completes the sentence "this needs …". */
export function itNeeds(has: boolean, what: string): TestOf {
  if (has) return (title, test) => it(title, test);
  if (process.env['BANYAN_REQUIRE_PROGRAMS'] === '1') {
    return (title) =>
      it(title, () => {
        throw new Error(`this needs ${what}, and BANYAN_REQUIRE_PROGRAMS=1 says that it must be here`);
      });
  }
  return (title) => it(title, (context) => context.skip(`this needs ${what}`));
}
