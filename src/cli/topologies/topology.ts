/**
 * `banyan topology`: makes delay graphs and says what is in them.
 *
 * A topology tells delay emulation and the simulator how far nodes are from each other. `generate` writes a new one from
 * a model, parameters and a seed; `info` reads one. The models live in `src/topology`; here is only the talking.
 *
 * Numbers that make no topology end with exit code 2, files that cannot be read or written with 1.
 */
import type { GroupPlan } from '../command.ts';
import type * as Topologies from '../../topology/index.ts';
import { info } from './info.ts';
import { modelCommands } from './models.ts';

/** `topologies`: the models themselves, whose defaults the help tells; null when nobody asks for that. */
export function topologyCommand(topologies: typeof Topologies | null): GroupPlan {
  const generate: GroupPlan = {
  name: 'generate',
  summary: 'write a new topology',
  description: 'Writes a new topology; the same command gives the same bytes.',
  commands: modelCommands(topologies),
  examples: [
    ['banyan topology generate transit-stub --seed 47 --mean-rtt 47 --out my.alt', ''],
    ['banyan topology generate cities --out cities.csv', ''],
  ],
};

return {
  name: 'topology',
  summary: 'make and describe delay graphs',
  description: 'Makes and describes delay graphs, for emulated delays and for the simulator.',
  commands: [generate, info],
  examples: [
    ['banyan topology generate cities --out cities.csv', ''],
    ['banyan topology info cities.csv', ''],
  ],
};
}
