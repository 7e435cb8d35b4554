/** The boundary of this folder: messages, statements and durable records as bytes. `docs/protocol/wire.md` explains. */
export { decodeDurable, durableVersion, encodeDurable, encodeDurableKey } from './durable.ts';
export type { DurableRow, RowKey } from './durable.ts';
export { itemLimits, largestMessageBytes, sizeLimits } from './limits.ts';
export { decode, encode, protocolVersion } from './message-bytes.ts';
export type { Decoded } from './message-bytes.ts';
export type { PeerNames } from './peer-table.ts';
export { wireSize } from './size.ts';
export { statementBytes } from './statement-bytes.ts';
export type { Signable } from './statement-bytes.ts';
export { WireError } from './wire-error.ts';
export type { WireErrorCode } from './wire-error.ts';
