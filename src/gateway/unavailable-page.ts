/**
 * The page that a visitor sees when no server answers, as HTML, JSON or plain text, whichever the visitor's program asked for.
 *
 * The page is self-contained (no picture, font or script from elsewhere: there is nowhere to get them from), tells a browser when to come
 * back by `Retry-After`, is never cached, and tells the visitor and the site's owner what to do.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Why a request was not served, with the status of the answer. */
export type Trouble =
  /** No server could serve it; try again soon. */
  | { readonly status: 503; readonly reason: 'nobody' | 'busy' | 'stopping'; readonly detail?: string }
  /** A server was found but its answer did not begin in time. */
  | { readonly status: 504; readonly reason: 'late'; readonly detail?: string }
  /** The gateway itself failed. */
  | { readonly status: 500; readonly reason: 'broken'; readonly detail?: string };

const pageTexts = {
  nobody: {
    title: 'Nobody can serve this page right now',
    body:
      'This site is carried by volunteers, and none of its servers can be reached from here at the moment. ' +
      'It usually lasts a few seconds, until another one takes over.',
  },
  busy: {
    title: 'Too many visitors right now',
    body: 'This gateway has as many visitors as it can take. Your request was not sent to any server.',
  },
  stopping: {
    title: 'This gateway is closing down',
    body: 'It takes no more requests. If it is being restarted, it will be back in a moment.',
  },
  late: {
    title: 'The answer took too long',
    body: 'A server was asked for this page but its answer did not begin in time.',
  },
  broken: {
    title: 'Something went wrong in this gateway',
    body: 'The request could not be handled. The fault is on this side, and was written to its log.',
  },
} as const;

/** Seconds after which to try again. */
export const retryAfterSeconds = 3;

/** Answers a request with the page. If an answer has begun already, it only closes the connection. */
export function sendTrouble(request: IncomingMessage, response: ServerResponse, trouble: Trouble): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { type, body } = pageFor(request.headers.accept ?? '', trouble);
  for (const name of response.getHeaderNames()) if (name !== 'connection') response.removeHeader(name);
  response.writeHead(trouble.status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(trouble.status === 500 ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** The page as HTML, JSON or plain text, by the request's Accept header. */
export function pageFor(
  accept: string,
  { status, reason, detail }: Trouble,
): { readonly type: string; readonly body: string } {
  const { title, body } = pageTexts[reason];
  if (/\btext\/html\b|\bapplication\/xhtml\+xml\b/i.test(accept)) {
    return { type: 'text/html; charset=utf-8', body: html(status, title, body, detail) };
  }
  if (/\bapplication\/(?:[\w.]+\+)?json\b/i.test(accept)) {
    const error = {
      status,
      reason,
      message: `${title}.`,
      detail: detail ?? null,
      retryAfterSeconds,
    };
    return { type: 'application/json; charset=utf-8', body: `${JSON.stringify({ error })}\n` };
  }
  const lines = [`${title}.`, body, ...(detail === undefined ? [] : [detail]), again(status)];
  return { type: 'text/plain; charset=utf-8', body: `${lines.filter((line) => line !== '').join('\n')}\n` };
}

function again(status: number): string {
  return status === 500 ? '' : `Please try again in ${retryAfterSeconds} seconds.`;
}

function html(status: number, title: string, body: string, detail: string | undefined): string {
  const refresh = status === 500 ? '' : `<meta http-equiv="refresh" content="${retryAfterSeconds}">`;
  const later = status === 500 ? '' : '<p>This page tries again by itself.</p>';
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${refresh}
<title>${title}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto 0; padding: 0 1.5rem; }
  h1 { font-size: 1.5rem; line-height: 1.25; } small { opacity: .7; }
</style></head>
<body>
<h1>${title}</h1>
<p>${body}</p>
${later}
<p><small>${detail === undefined ? '' : `${escapeHtml(detail)}<br>`}${status}. Is this your site?
<code>banyan doctor</code>, run where the gateway runs, says what is wrong.</small></p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
