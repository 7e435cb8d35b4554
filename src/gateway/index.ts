/** The boundary of the gateway. */
export {
  defaultGatewayLimits,
  startGateway,
  type EndedRequest,
  type FarmProxy,
  type Gateway,
  type GatewayLimits,
  type GatewayLogger,
  type GatewayOptions,
} from './gateway.ts';
export { retryAfterSeconds, pageFor, sendTrouble, type Trouble } from './unavailable-page.ts';
