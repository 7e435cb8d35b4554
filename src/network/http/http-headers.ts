/** Headers as `node:http` gives them, with one value a name, as the verifier wants them. */
import type { IncomingHttpHeaders } from 'node:http';

export function headersOf(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
