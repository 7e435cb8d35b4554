/** What a daemon does when it is asked over its control socket: checks what came, and passes it to the peer. */
import { isAbsolute } from 'node:path';
import type { FarmNode } from '../../host/index.ts';
import type { ControlMethod, DaemonInfo } from './control.ts';
import type { ControlHandler } from './control-server.ts';
import type { Gift } from '../state/state-folder.ts';
import { UserError } from '../words/user-error.ts';

/** What fits into one answer, with room. */
export const mostExplained = 1_000;

export interface Controlled {
  readonly node: FarmNode;
  readonly info: () => DaemonInfo;
  /** Ends the daemon after the answer is out. */
  readonly stop: (reason: 'stop' | 'leave') => void;
  /** Keeps for later starts whether it serves. */
  readonly remember: (serving: Gift['serving']) => Promise<void>;
}

export function controlMethods({ node, info, stop, remember }: Controlled): ReadonlyMap<string, ControlHandler> {
  const root = (what: string): void => {
    const { part } = info();
    if (part === 'root') return;
    throw new UserError(`This peer is a ${part}: only the root of a service can ${what}.`, {
      hint: 'Run it on the machine where the root runs.',
      code: 'wrong-part',
    });
  };
  const methods: Record<ControlMethod, ControlHandler> = {
    info,
    status: () => node.status(),
    invite: ({ expiresInSeconds = null, uses = null }) => {
      root('invite');
      return node.invite({
        expiresInSeconds: positiveOrNull(expiresInSeconds, 'expiresInSeconds'),
        uses: positiveOrNull(uses, 'uses'),
      });
    },
    update: ({ folder }, progress) => {
      root('publish a release');
      if (typeof folder !== 'string' || !isAbsolute(folder)) throw bad('folder', 'an absolute path');
      return node.update(folder, progress);
    },
    explain: ({ about = null, last = 10 }) => {
      root('explain who serves, since it decides');
      if (typeof last !== 'number' || !Number.isSafeInteger(last) || last < 1 || last > mostExplained)
        throw bad('last', `a whole number from 1 to ${mostExplained}`);
      if (about !== null && about !== 'promote' && about !== 'retire' && about !== 'move')
        throw bad('about', '"promote", "retire", "move" or null');
      return node.explain({ about, last });
    },
    volunteer: async () => {
      if (info().neverServes)
        throw new UserError('This peer was started to never serve.', {
          hint: 'Start it again without --never-serve.',
          code: 'never-serves',
        });
      node.volunteer();
      await remember('at-once');
    },
    drain: async () => {
      if (info().part === 'root')
        throw new UserError('The root cannot drain: it is the origin of the service.', {
          hint: 'Stop it with `banyan stop`; the volunteers keep serving.',
          code: 'wrong-part',
        });
      if (!info().neverServes) await remember('if-asked');
      await node.drain();
    },
    leave: async () => {
      if (info().part === 'root')
        throw new UserError('The root cannot leave its own service.', {
          hint: 'Stop it with `banyan stop`; the volunteers keep serving.',
          code: 'wrong-part',
        });
      await node.leave();
      stop('leave');
    },
    stop: () => stop('stop'),
  };
  return new Map(Object.entries(methods));
}

function positiveOrNull(value: unknown, field: string): number | null {
  if (value === null) return null;
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value))
    throw bad(field, 'a number above 0, or null');
  return value;
}

function bad(field: string, wanted: string): UserError {
  return new UserError(`The request's ${field} must be ${wanted}.`, { code: 'bad-params' });
}
