/** The boundary of the gateway. */
export {
  DEFAULT_GATEWAY_LIMITS,
  startGateway,
  type EndedRequest,
  type FarmProxy,
  type Gateway,
  type GatewayLimits,
  type GatewayLogger,
  type GatewayOptions,
} from './gateway.ts';
export { RETRY_AFTER_SECONDS, pageFor, sendTrouble, type Trouble } from './unavailable-page.ts';
