/**
 * Removes from a visitor's request what would tell volunteers who the visitor is.
 *
 * Reverse proxies in front of a gateway write the visitor's address into headers. A volunteer's server needs none of them, so they are
 * removed here, and the gateway adds none of its own.
 */
import type { IncomingMessage } from 'node:http';

const telltaleHeaders =
  /^(forwarded|via|x-forwarded(-.*)?|proxy-.*|(x-(real|client|cluster-client)|true-client|fastly-client|cf-connecting)-ip|cf-ipcountry)$/i;

/** Removes the headers that identify the visitor from `request`, in all forms in which node:http holds them. */
export function hideVisitor(request: IncomingMessage): void {
  for (const name of Object.keys(request.headers)) if (telltaleHeaders.test(name)) delete request.headers[name];
  for (const name of Object.keys(request.headersDistinct))
    if (telltaleHeaders.test(name)) delete request.headersDistinct[name];
  const raw: string[] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2);
    if (!telltaleHeaders.test(name)) raw.push(name, value);
  }
  request.rawHeaders = raw;
}
