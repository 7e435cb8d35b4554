/**
 * One document, one row of bytes: the JSON that signatures are made over.
 *
 * A signature holds over bytes, but JSON may write the same thing in many ways. So both sides first bring a document
 * into one form: keys in code-unit order, no blanks, integers only, strings as `JSON.stringify` writes them. That is the
 * part of RFC 8785 (JSON Canonicalization Scheme) that is easy to get right; fractions, where its difficulty lies, are
 * refused. A document is canonicalised as it was received, unknown fields included, so a newer writer may add fields
 * and an older reader can still check the signature.
 */
import { ServiceError } from './service-error.ts';

/** A JSON object as it was parsed, nothing known about its fields yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

const deepest = 16;

/**
 * The canonical text of `value`. `without` names a field of the outermost object that is left out (its signature).
 * @throws ServiceError `document-malformed` for what has no canonical form: fractions, lone surrogates, deep nesting.
 */
export function canonicalJson(value: unknown, without?: string): string {
  return write(value, without, 0);
}

function write(value: unknown, without: string | undefined, depth: number): string {
  if (depth > deepest) throw malformed(`it is nested deeper than ${deepest} levels`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') {
    if (!isWellFormed(value)) throw malformed('a text in it is not valid Unicode');
    return JSON.stringify(value);
  }
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw malformed(`the number ${value} is not an integer`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => write(item, undefined, depth + 1)).join(',')}]`;
  if (typeof value === 'object') {
    const object = value as JsonObject;
    const fields: string[] = [];
    for (const key of Object.keys(object).sort()) {
      if (key === without || object[key] === undefined) continue;
      if (!isWellFormed(key)) throw malformed('a field name in it is not valid Unicode');
      fields.push(`${JSON.stringify(key)}:${write(object[key], undefined, depth + 1)}`);
    }
    return `{${fields.join(',')}}`;
  }
  throw malformed(`a ${typeof value} cannot be written as JSON`);
}

const loneSurrogate = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

function isWellFormed(text: string): boolean {
  return !loneSurrogate.test(text);
}

function malformed(why: string): ServiceError {
  return new ServiceError('document-malformed', `The document has no canonical form: ${why}.`);
}
