/** Quality of service: measurements in, decisions out. What other folders may use of it. */
export { Quality } from './quality.ts';
export { policies } from './controller.ts';
export { defaultQosOptions } from './options.ts';
export type { QosEvent, QosOptions } from './options.ts';
export type { Action, Decision, Margin, Policy, PolicyName } from './policy.ts';
export type { FullReason, Load } from './overload.ts';
export { Goal } from './requirement.ts';
export type { CostKind, Figures, Requirement } from './requirement.ts';
export { DelaySketch } from './sketch.ts';
