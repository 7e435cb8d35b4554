/**
 * Topologies by the name that a person gives: a file, or else a ready-made one.
 */
import { readFile } from 'node:fs/promises';
import type { Topology, TopologyFormat } from '../../topology/index.ts';
import { UserError } from '../words/user-error.ts';

/** @throws UserError when there is none of that name, or when it cannot be read */
export async function openTopology(name: string, format?: TopologyFormat): Promise<Topology> {
  const { presets, presetTopology, readTopology, TopologyError } = await import('../../topology/index.ts');
  let text: string;
  try {
    text = await readFile(name, 'utf8');
  } catch (error) {
    if (presets.has(name)) return presetTopology(name);
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? `There is no file ${name}.` : `Cannot read ${name}: ${(error as Error).message}.`;
    throw new UserError(message, {
      hint: `Ready-made topologies are ${[...presets.keys()].join(', ')}.`,
      cause: error,
    });
  }
  try {
    return readTopology(text, { format });
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    throw new UserError(`${name}: ${error.message}.`, { cause: error });
  }
}
