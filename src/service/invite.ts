/**
 * An invite: everything a volunteer types.
 *
 *     banyan:AQCu…   =  base64url( version 1 B | payload length 2 B | payload | check 4 B )
 *
 * The payload is JSON, deflated when that is shorter. People paste links through chats and mails that cut and wrap them,
 * so the length tells a cut link from a damaged one and the check (the head of its SHA-256) finds single wrong letters.
 * An invite is not signed and need not be: it is trusted exactly as far as the person who sent it. The service id in it
 * pins the owner key (see charter.ts), the peer ids pin the peers, and the token is checked by who redeems it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { peerIdPattern, serviceIdPattern } from './charter.ts';
import { ServiceError } from './service-error.ts';
import { FieldReader } from './signed-document.ts';
import type { JsonObject } from './canonical-json.ts';

/** The right to join once (or a few times): shown to the root, which gives a credential for it. */
export interface InviteToken {
  /** 16 hex characters; the name under which the root knows the token. */
  readonly id: string;
  /** 32 hex characters; the root keeps only a hash of it. */
  readonly secret: string;
}

export interface Invite {
  readonly serviceId: string;
  readonly name: string;
  /** Multiaddrs, each ending in `/p2p/<peer id>`. */
  readonly addresses: readonly string[];
  readonly token: InviteToken | null;
  readonly expiresAtMs: number | null;
}

export const inviteScheme = 'banyan:';
export const tokenIdPattern = /^[0-9a-f]{16}$/;
export const tokenSecretPattern = /^[0-9a-f]{32}$/;

const inviteVersion = 1;
const headerBytes = 3;
const checkBytes = 4;
const deflatedFlag = 0x80;
const mostPayloadBytes = 8 * 1024;
/** A machine with many networks has many addresses; more than these help nobody and make a link that no chat takes. */
const mostAddresses = 32;
// eslint-disable-next-line no-control-regex -- the name is shown on terminals.
const namePattern = /^[^\u0000-\u001f\u007f-\u009f]{0,100}$/u;

/** The link for an invite. Of many addresses the 32 that reach furthest are named, public ones first. */
export function formatInvite(invite: Invite): string {
  const plain = Buffer.from(
    JSON.stringify({
      s: invite.serviceId,
      n: invite.name,
      a: invite.addresses.toSorted((a, b) => reachOf(b) - reachOf(a)).slice(0, mostAddresses),
      ...(invite.token === null ? {} : { t: [invite.token.id, invite.token.secret] }),
      ...(invite.expiresAtMs === null ? {} : { x: invite.expiresAtMs }),
    }),
  );
  const deflated = deflateRawSync(plain, { level: 9 });
  const small = deflated.length < plain.length;
  const payload = small ? deflated : plain;
  if (plain.length > mostPayloadBytes) throw bad('it names too many or too long addresses');
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(inviteVersion | (small ? deflatedFlag : 0), 0);
  header.writeUInt16BE(payload.length, 1);
  const body = Buffer.concat([header, payload]);
  return inviteScheme + Buffer.concat([body, check(body)]).toString('base64url');
}

/**
 * Reads a link. Blanks and line breaks that a mail put in, quotes and angle brackets around it, and `banyan://` are
 * forgiven.
 * @throws ServiceError `invite-malformed`, `invite-truncated`, `invite-version`, `invite-expired`.
 */
export function readInvite(link: string, nowMs: number): Invite {
  const text = link.replace(/^[\s"'<]+|[\s"'>]+$/g, '').replace(/\s+/g, '');
  if (text.slice(0, inviteScheme.length).toLowerCase() !== inviteScheme) {
    throw bad(`it must begin with "${inviteScheme}", this begins with "${text.slice(0, 12)}": copy the link again`);
  }
  const code = text.slice(inviteScheme.length).replace(/^\/\//, '');
  const wrong = /[^A-Za-z0-9_-]/.exec(code);
  if (wrong !== null)
    throw bad(
      `"${wrong[0]}" at character ${inviteScheme.length + wrong.index + 1} is not part of one: copy the link again`,
    );
  const payload = unpack(Buffer.from(code, 'base64url'));
  const invite = readPayload(payload);
  if (invite.expiresAtMs !== null && nowMs >= invite.expiresAtMs) {
    throw new ServiceError(
      'invite-expired',
      `This invite expired on ${new Date(invite.expiresAtMs).toISOString()}, and this machine's clock says ` +
        `${new Date(nowMs).toISOString()}: ask whoever sent it for a new one, or set the clock.`,
    );
  }
  return invite;
}

function unpack(bytes: Buffer): Buffer {
  if (bytes.length < headerBytes) throw truncated(bytes.length, null);
  const version = bytes.readUInt8(0) & ~deflatedFlag;
  if (version > inviteVersion) {
    throw new ServiceError(
      'invite-version',
      `This invite was made by a newer version (format ${version}, this program reads ${inviteVersion}): update the program.`,
    );
  }
  if (version !== inviteVersion) throw bad(`its format ${version} never existed`);
  const whole = headerBytes + bytes.readUInt16BE(1) + checkBytes;
  if (whole > headerBytes + mostPayloadBytes + checkBytes) throw bad('no invite is as long as this says it is');
  if (bytes.length < whole) throw truncated(bytes.length, whole);
  if (bytes.length > whole) throw bad('something was pasted after its end: copy the link alone');
  const body = bytes.subarray(0, whole - checkBytes);
  if (!timingSafeEqual(check(body), bytes.subarray(whole - checkBytes))) {
    throw bad('a character in it is wrong: copy it again');
  }
  const payload = body.subarray(headerBytes);
  if ((bytes.readUInt8(0) & deflatedFlag) === 0) return payload;
  try {
    return inflateRawSync(payload, { maxOutputLength: mostPayloadBytes });
  } catch (error) {
    throw bad('its contents cannot be unpacked', error);
  }
}

function readPayload(payload: Buffer): Invite {
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw bad('its contents cannot be read', error);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw bad('its contents cannot be read');
  try {
    const fields = new FieldReader('invite', parsed as JsonObject);
    return {
      serviceId: fields.text('s', serviceIdPattern),
      name: fields.text('n', namePattern),
      addresses: fields.texts('a', /^\/[\x21-\x7e]{1,400}$/, mostAddresses).map(requirePeerId),
      token: fields.has('t') ? readToken(fields.list('t', 2)) : null,
      expiresAtMs: fields.has('x') ? fields.integer('x', 0, 8.64e15) : null,
    };
  } catch (error) {
    throw bad(error instanceof Error ? error.message : 'a field in it is wrong', error);
  }
}

/** From how far away an address can be dialled: 2 from anywhere, 1 from its own network (RFC 1918, 4193), 0 from its machine. */
function reachOf(address: string): number {
  if (/^\/ip4\/127\.|^\/ip6\/::1\/|^\/dns[46]?\/localhost\//.test(address)) return 0;
  const isPrivate =
    /^\/ip4\/(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
      address,
    ) || /^\/ip6\/(f[cd]|fe[89ab])/i.test(address);
  return isPrivate ? 1 : 2;
}

function requirePeerId(address: string): string {
  const peerId = /\/p2p\/([^/]+)$/.exec(address)?.[1];
  if (peerId === undefined || !peerIdPattern.test(peerId)) throw bad(`the address ${address} names no peer`);
  return address;
}

function readToken(parts: readonly unknown[]): InviteToken {
  const [id, secret] = parts;
  if (typeof id !== 'string' || typeof secret !== 'string') throw bad('its token is incomplete');
  if (!tokenIdPattern.test(id) || !tokenSecretPattern.test(secret)) throw bad('its token is malformed');
  return { id, secret };
}

function check(body: Buffer): Buffer {
  return createHash('sha256').update('banyan invite\n').update(body).digest().subarray(0, checkBytes);
}

function truncated(haveBytes: number, wholeBytes: number | null): ServiceError {
  const characters = (bytes: number): number => inviteScheme.length + Math.ceil((bytes * 4) / 3);
  const sizes =
    wholeBytes === null ? '' : ` (${characters(haveBytes)} of ${characters(wholeBytes)} characters are there)`;
  return new ServiceError('invite-truncated', `This invite was cut off${sizes}: copy the whole link.`);
}

function bad(why: string, cause?: unknown): ServiceError {
  return new ServiceError('invite-malformed', `This is not a Banyan invite: ${why}.`, { cause });
}
