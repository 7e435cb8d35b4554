/** All commands, in the order in which the help lists them: owner, volunteer, reader, then what all need. */
import type { CommandPlan } from '../command.ts';
import { drain, leave, stop } from './departure.ts';
import { doctor } from './doctor.ts';
import { init } from './init.ts';
import { invite } from './invite.ts';
import { join } from './join.ts';
import { explain } from './explain.ts';
import { gateway, open } from './open.ts';
import { paths } from './paths.ts';
import { serve } from './serve.ts';
import { service } from './service.ts';
import { status } from './status.ts';
import { update } from './update.ts';
import { version } from './version.ts';

export const commandPlans: readonly CommandPlan[] = [
  init,
  serve,
  update,
  invite,
  join,
  open,
  gateway,
  status,
  explain,
  drain,
  leave,
  stop,
  doctor,
  paths,
  service,
  version,
];
