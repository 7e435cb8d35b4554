/** What an examination finds: one sentence each, and what to do unless all is well. */

export interface Finding {
  readonly check: 'versions' | 'disk' | 'clock' | 'ports' | 'network' | 'reachability' | 'keys' | 'peer';
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** Which peer of this machine it is about; null for the machine itself. */
  readonly service: string | null;
  readonly sentence: string;
  readonly advice: string | null;
}

export function ok(check: Finding['check'], sentence: string): Finding {
  return { check, verdict: 'ok', service: null, sentence, advice: null };
}

export function warn(check: Finding['check'], sentence: string, advice: string | null): Finding {
  return { check, verdict: 'warn', service: null, sentence, advice };
}

export function fail(check: Finding['check'], sentence: string, advice: string): Finding {
  return { check, verdict: 'fail', service: null, sentence, advice };
}
