/** How a topology is scaled before it is written or described, and what numbers that make no topology are told. */
import type { Topology } from '../../topology/index.ts';
import type { Session } from '../session.ts';
import { type Settings, value } from '../settings/option.ts';
import { UsageError, capital } from '../words/user-error.ts';
import { milliseconds, number } from './values.ts';

export const scalingOptions = {
  meanRtt: value('mean-rtt', '<ms>', 'scale to this mean RTT over all pairs of nodes', milliseconds, null, {
    fallbackText: 'as it is',
  }),
  scale: value('scale', '<factor>', 'multiply every RTT; not together with --mean-rtt', number, null, {
    fallbackText: 'as it is',
  }),
};

/** @throws UsageError when both ways to scale are asked for */
export async function scaledAsAsked(
  session: Session,
  topology: Topology,
  { meanRtt, scale: factor }: Settings<typeof scalingOptions>,
): Promise<Topology> {
  if (meanRtt !== null && factor !== null)
    throw new UsageError('--mean-rtt cannot be used with --scale.', { hint: helpOf(session) });
  const { scale, scaleToMeanRtt } = await import('../../topology/index.ts');
  return await asTold(session, () => {
    if (meanRtt !== null) return scaleToMeanRtt(topology, meanRtt);
    return factor === null ? topology : scale(topology, factor);
  });
}

/** Makes something of a topology. What cannot be made was asked for with numbers that make no sense. @throws UsageError */
export async function asTold<Made>(session: Session, make: () => Made): Promise<Made> {
  const { TopologyError } = await import('../../topology/index.ts');
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error;
    throw new UsageError(capital(error.message), { hint: helpOf(session), cause: error });
  }
}

export function helpOf({ command }: Session): string {
  return `See \`banyan ${command} --help\`.`;
}
