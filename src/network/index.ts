/** The boundary of this folder: links, streams and HTTP between peers, with limits, and emulated delays. */
import './polyfill.ts';
export { Emulation } from './emulation.ts';
export { headersOf } from './http/http-headers.ts';
export { HttpClient, serveHttp } from './http/http-stream.ts';
export type { HttpServer } from './http/http-stream.ts';
export type { HostLogger, NetworkLimits } from './network-options.ts';
export { Network } from './network.ts';
export { TokenBucket } from './rate-limit.ts';
export { byteStream } from './streams/byte-stream.ts';
export type { ByteStream } from './streams/byte-stream.ts';
export { UploadLimit } from './streams/upload-limit.ts';
export { hostOf, isLoopback, subnetOfHost } from './subnet.ts';
export { Turnstile } from './turnstile.ts';
