/** The boundary of this folder: what the command line may ask of a peer, and how the entry point starts one. */
export type {
  DecidedAction,
  Decision,
  DecisionEntry,
  ExplainOptions,
  FarmFigures,
  FarmNode,
  Invitation,
  InviteOptions,
  NodeStatus,
  Progress,
  QualityStatus,
  UpdateResult,
} from './farm-node.ts';
export type { Happening } from './happenings.ts';
export { controllerBeatsOf } from './node-options.ts';
export { startNode } from './node.ts';
export type { Node } from './node.ts';
export { loadIdentity } from './world/identity.ts';
