/** Quality of service: measurements in, decisions out. What other folders may use of it. */
export { Quality } from './quality.ts';
export { policies } from './control/controller.ts';
export { defaultQosOptions } from './options.ts';
export type { QosEvent, QosOptions } from './options.ts';
export type { Action, Decision, Margin, Policy, PolicyName } from './control/policy.ts';
export type { FullReason, Load } from './load/overload.ts';
export { Goal } from './requirement.ts';
export type { CostKind, Figures, Requirement } from './requirement.ts';
export { DelaySketch } from './round/sketch.ts';
