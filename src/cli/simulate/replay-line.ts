/**
 * The command line that does it again: what was set, wherever it was set, as flags.
 *
 * An experiment that took its seeds from the environment or the file is played again by the line alone. What only says where the answer
 * goes, and how fast, is left out.
 */
import type { Session } from '../session.ts';
import { type OptionSpecs, parseSwitch } from '../settings/option.ts';

const besideThePoint: readonly string[] = ['out', 'jobs'];

/** `without`: flags that are left out, without their dashes. */
export function replayLine(session: Session, options: OptionSpecs, without: readonly string[]): string {
  const specs = new Map(Object.values(options).map((spec) => [spec.name, spec]));
  const words = [...session.written].flatMap(([name, { texts }]) => {
    const spec = specs.get(name);
    if (spec === undefined || besideThePoint.includes(spec.flag) || without.includes(spec.flag)) return [];
    if (spec.placeholder === null) return [parseSwitch(texts.at(-1) ?? '') ? `--${spec.flag}` : `--no-${spec.flag}`];
    return [`--${spec.flag}`, texts.at(-1) ?? ''];
  });
  return ['banyan', session.command, ...words.map(quoted)].join(' ');
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
