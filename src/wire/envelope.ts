/**
 * The envelope around every message and stored record: a version, one case of a choice, and the table of the peers it mentions.
 *
 * In protobuf's terms: `message Envelope { uint32 version = 1; repeated Peer peers = 2; oneof { ... = 8 and up } }`. The version is first
 * so that it can be refused before anything else is read; 3 to 7 are for later fields of the envelope itself and are skipped. A first pass
 * finds the parts without reading them, because the allowed size depends on the case.
 */
import type { Case, Choice } from './choices.ts';
import { itemLimits } from './limits.ts';
import { TableSink, TableSource } from './peer-table.ts';
import type { PeerNames } from './peer-table.ts';
import { Reader } from './reader.ts';
import { WireError, placed } from './wire-error.ts';
import type { WireType } from './writer.ts';

const versionField = 1;
const peersField = 2;
/** The first field number of the choice. */
const firstCase = 8;

/** The format of one sort of envelope. */
export interface Format<U> {
  /** Its name in error messages: 'protocol', 'record format'. */
  readonly what: string;
  readonly version: number;
  readonly choice: Choice<U>;
  /** The most bytes that this case may have in its envelope. */
  readonly limitOf: (name: string) => number;
  /** The largest of these limits. */
  readonly largestBytes: number;
}

/** The content of an envelope: a value, or a case that is unknown or not to be read, with its field number. */
export type Opened<U> =
  | { readonly type: 'value'; readonly value: U }
  | { readonly type: 'unknown'; readonly field: number; readonly reason: string };

// Kept between calls, because a buffer that has grown once need not grow again.
let spare: TableSink | null = null;

function sealInto<U, R>(format: Format<U>, value: U, names: SealNames, take: (sink: TableSink) => R): R {
  const sink = spare ?? new TableSink();
  spare = null;
  try {
    const { name } = format.choice.caseOf(value);
    sink.reset(format.limitOf(name));
    sink.writer.tag(versionField, 0);
    sink.writer.varint(format.version);
    format.choice.write(sink, value);
    try {
      sink.writeTable(peersField, names);
      sink.writer.finish();
    } catch (error) {
      throw placed(error, name);
    }
    return take(sink);
  } finally {
    spare = sink;
  }
}

type SealNames = Pick<PeerNames, 'keyOf' | 'addressesOf'>;

/** The bytes of a value in its envelope. Throws `WireError` for what the other side would refuse. */
export function seal<U>(format: Format<U>, value: U, names: SealNames): Uint8Array {
  return sealInto(format, value, names, (sink) => sink.writer.bytes());
}

/** The number of bytes that `seal` would return. */
export function sealedSize<U>(format: Format<U>, value: U, names: SealNames): number {
  return sealInto(format, value, names, (sink) => sink.writer.length);
}

/** Gives handles to mentioned peers: for all values, or by the name of the case; null for a case that is not to be read. */
export type OpenNames<N extends string = string> =
  Pick<PeerNames, 'handleOf'> | ((name: N) => Pick<PeerNames, 'handleOf'> | null);

/** Reads an envelope. Throws `WireError` for anything malformed, before `names` is called. */
export function open<U>(format: Format<U>, bytes: Uint8Array, names: OpenNames): Opened<U> {
  if (bytes.length > format.largestBytes) {
    throw new WireError('too-large', `${bytes.length} bytes; the limit is ${format.largestBytes}`);
  }
  const reader = new Reader(bytes);
  checkVersion(format, reader);
  const { found, body, tables } = findParts(format, reader, bytes.length);
  if (body === null) return found;
  const handles = typeof names === 'function' ? names(found.name) : names;
  if (handles === null) return { type: 'unknown', field: found.number, reason: `a ${found.name} is not to be read` };
  const source = new TableSource(body);
  try {
    const value = found.layout.read(source);
    const peers = tables.map((table, i) => source.readEntry(table, i));
    source.resolve(peers, handles);
    return { type: 'value', value };
  } catch (error) {
    if (error instanceof WireError && error.code === 'unknown-case') {
      const { message: reason } = placed(error, found.name) as WireError;
      return { type: 'unknown', field: found.number, reason };
    }
    throw placed(error, found.name);
  }
}

function checkVersion<U>(format: Format<U>, reader: Reader): void {
  const { what, version } = format;
  const first = reader.tag();
  if (first.field !== versionField)
    throw new WireError('missing-field', `does not begin with the version of the ${what}`);
  checkWireType('version', first.wireType, 0);
  const theirs = reader.varint();
  if (theirs === 0) throw new WireError('out-of-range', `version 0 of the ${what} does not exist`);
  if (theirs > version) {
    const reason = `version ${theirs} of the ${what}; this peer speaks up to version ${version}: update this one`;
    throw new WireError('unsupported-version', reason);
  }
}

function checkWireType(name: string, wireType: WireType, wanted: WireType): void {
  if (wireType !== wanted) throw new WireError('wire-type', `${name} has wire type ${wireType} instead of ${wanted}`);
}

type Found<U> =
  | { readonly found: Case<U>; readonly body: Reader; readonly tables: readonly Reader[] }
  | { readonly found: Opened<U>; readonly body: null; readonly tables: readonly Reader[] };

/** Walks over the top level: where the value is and where the peers are. */
function findParts<U>(format: Format<U>, reader: Reader, length: number): Found<U> {
  const tables: Reader[] = [];
  let number = 0;
  let body: Reader | null = null;
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    if (field === versionField) throw new WireError('duplicate-field', 'the version is given twice');
    if (field === peersField) {
      checkWireType('peers', wireType, 2);
      if (tables.length === itemLimits.peers) {
        throw new WireError('list-length', `more than ${itemLimits.peers} peers in one message`);
      }
      tables.push(reader.branch());
    } else if (field < firstCase) {
      reader.skip(wireType);
    } else {
      if (number !== 0) throw new WireError('duplicate-field', `two cases of a choice: fields ${number} and ${field}`);
      checkWireType(`field ${field}`, wireType, 2);
      number = field;
      const known = format.choice.caseNumbered(field);
      if (known !== undefined) checkSize(format, known, length);
      body = reader.branch();
    }
  }
  if (body === null) throw new WireError('missing-field', 'the envelope is empty');
  const found = format.choice.caseNumbered(number);
  if (found !== undefined) return { found, body, tables };
  const reason = `field ${number} is no ${format.choice.discriminator} known here`;
  return { found: { type: 'unknown', field: number, reason }, body: null, tables };
}

function checkSize<U>(format: Format<U>, { name }: Case<U>, length: number): void {
  const limit = format.limitOf(name);
  if (length > limit) throw new WireError('too-large', `${length} bytes where at most ${limit} are allowed`, name);
}
