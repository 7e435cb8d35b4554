/**
 * What must be true whatever others send: when it is not, this program has a fault, and to go on would spread it.
 *
 * An error of the world (a liar, a lost message, a full disk) has a rule and an answer. A broken invariant has neither, so it throws:
 * the host drops all that the turn has asked for and tells the person (`CoreHost.turn`), the simulator's run ends with the seed that
 * shows it. Sentences are constants, since many of these stand where every heartbeat passes: what does not hold is made into text only
 * when it fails.
 */
export class InvariantError extends Error {
  constructor(sentence: string) {
    super(`an invariant does not hold: ${sentence}`);
    this.name = 'InvariantError';
  }
}

/** @throws InvariantError with the sentence, which says what holds, when it does not */
export function invariant(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new InvariantError(sentence);
}
