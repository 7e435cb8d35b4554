/** Runs a command line in the test's own process: for commands that need no peer. */
import { type Adapters, runProgram } from '../../src/cli/program.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runHere(
  words: readonly string[],
  adapters: Partial<Adapters> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Said> {
  let [stdout, stderr] = ['', ''];
  const given: Adapters = {
    version: '1.2.3',
    programPath: '',
    startNode: () => Promise.reject(new Error('no peer is needed here')),
    ...adapters,
  };
  try {
    const code = await runProgram(words, given, {
      // A home where nothing lies, so that no config file of whoever runs the tests counts.
      environment: { HOME: '/nowhere', ...environment },
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    });
    return { code, stdout, stderr };
  } finally {
    process.exitCode = undefined;
  }
}
