/**
 * The bytes that are signed when a statement is signed.
 *
 * A signature must mean one thing only. So the bytes begin with a prefix that nothing else signed in this project has (domain separation),
 * and with the service id, so that no statement of one farm counts in another. Peers are written as their keys, not as handles or positions
 * in a table. The fields follow in the order of their numbers, in the one encoding that the wire allows. Numbers are signed at wire
 * precision, so a record that was read from the wire has the bytes it was signed with.
 *
 * A receiver rebuilds these bytes from the fields it knows. So a new field of a statement needs a new prefix, or must be omitted at its
 * default value. Then peers that do not know the field refuse only the statements that use it, and no statement is understood in two ways.
 */
import { NOBODY } from '../core/index.ts';
import type { PeerHandle, Signed, Unsigned } from '../core/index.ts';
import { sizeLimits } from './limits.ts';
import type { PeerNames } from './peer-table.ts';
import { statements } from './schema.ts';
import { utf8Bytes } from './utf8.ts';
import type { Sink } from './values.ts';
import { WireError } from './wire-error.ts';
import { Writer } from './writer.ts';

const prefix = utf8Bytes('banyan/statement/1\0');
const nobodysKey = new Uint8Array(0);

class SigningSink implements Sink {
  readonly signing = true;
  readonly writer = new Writer();
  readonly #names: Pick<PeerNames, 'keyOf'>;

  constructor(names: Pick<PeerNames, 'keyOf'>) {
    this.#names = names;
  }

  writePeer(peer: PeerHandle): void {
    const key = peer === NOBODY ? nobodysKey : this.#names.keyOf(peer);
    if (peer !== NOBODY && key.length !== 32) {
      throw new WireError('out-of-range', `the key of peer ${peer} has ${key.length} bytes, not 32`);
    }
    this.writer.block(key);
  }
}

/** A statement, signed or unsigned. */
export type Signable = Signed | Unsigned<Signed>;

/**
 * The bytes that the issuer signs: prefix, the service's id with a length prefix, then the statement without its signature. Equal for equal
 * statements in every process. Throws `WireError` for a statement that could not be sent either.
 */
export function statementBytes(
  serviceId: Uint8Array,
  statement: Signable,
  names: Pick<PeerNames, 'keyOf'>,
): Uint8Array {
  const sink = new SigningSink(names);
  sink.writer.reset(sizeLimits.cast);
  sink.writer.raw(prefix);
  sink.writer.block(serviceId);
  statements.write(sink, statement as Signed);
  sink.writer.finish();
  return sink.writer.bytes();
}
