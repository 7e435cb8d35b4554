/** Asks the person at the terminal, on stderr, so that stdout stays clean. */
import { createInterface } from 'node:readline/promises';
import { UserError } from './user-error.ts';

/** True for yes. Anything but y or yes is no. */
export async function confirm(question: string): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test(await ask(`${question} [y/N] `));
}

/** The index of the choice. Asks again until the answer is a number of the list. */
export async function choose(question: string, choices: readonly string[]): Promise<number> {
  const list = choices.map((choice, index) => `  ${index + 1}  ${choice}`).join('\n');
  for (;;) {
    const answer = Number(await ask(`${question}\n${list}\nNumber: `));
    if (Number.isInteger(answer) && answer >= 1 && answer <= choices.length) return answer - 1;
  }
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<never>((_, reject) =>
    terminal.once('close', () =>
      reject(new UserError('There was no answer, so nothing was done.', { code: 'no-answer' })),
    ),
  );
  try {
    return await Promise.race([terminal.question(question), ended]);
  } finally {
    terminal.close();
  }
}
