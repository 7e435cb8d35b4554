/**
 * A port that is free: the one wished for, or the next one that nobody uses.
 *
 * It is tried by listening on it and letting go again. Somebody else may take it in between; whoever listens for good must
 * be ready for that. Ports that are next to a busy one are taken in order, so that a person finds them again.
 */
import { createServer } from 'node:net';
import { UserError } from '../words/user-error.ts';

const maxSteps = 100;

export interface FoundPort {
  readonly port: number;
  /** The one wished for, when it was in use. */
  readonly steppedOver: number | null;
}

/**
 * @param wanted 0 for any: given back as it is, as the system chooses when the port is used
 * @param host an IP address or name to listen on
 * @throws UserError `port-in-use` when `isStrict` and it is, or a hundred in a row are
 */
export async function findFreePort(wanted: number, host: string, isStrict: boolean): Promise<FoundPort> {
  if (wanted === 0) return { port: 0, steppedOver: null };
  const last = isStrict ? wanted : Math.min(65_535, wanted + maxSteps);
  for (let port = wanted; port <= last; port += 1) {
    if (await isFree(port, host)) return { port, steppedOver: port === wanted ? null : wanted };
  }
  throw new UserError(
    isStrict
      ? `Port ${wanted} on ${host} is in use by another program.`
      : `The ports ${wanted} to ${last} on ${host} are all in use.`,
    {
      hint: isStrict
        ? 'Choose another port, or leave out --strict-port to take the next free one.'
        : 'Choose another port.',
      code: 'port-in-use',
    },
  );
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, exclusive: true }, resolve);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}
