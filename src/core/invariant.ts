/**
 * Conditions that hold whatever others send. A condition that fails is a fault of this program, and to go on would spread it.
 *
 * An error from outside (a liar, a lost message, a full disk) has a rule and an answer. A broken invariant has neither, so it throws: the
 * host drops the effects of the turn and tells the person (`CoreHost.turn`), and the simulator's run ends with the seed that shows the
 * fault. The sentences are constants, because many invariants stand on the path of every heartbeat: no text is built unless one fails.
 */
export class InvariantError extends Error {
  constructor(sentence: string) {
    super(`an invariant does not hold: ${sentence}`);
    this.name = 'InvariantError';
  }
}

/** Throws when the condition does not hold. @throws InvariantError with the sentence, which says what should hold */
export function invariant(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new InvariantError(sentence);
}
