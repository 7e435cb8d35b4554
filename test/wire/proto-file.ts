/**
 * The schema as a .proto file, for people and for other tools.
 *
 * It is proto2, which can express our rules: a field is required, optional or repeated, without silent defaults. Limits and the finer rules
 * of strictness cannot be expressed in it; docs/protocol/wire.md has them.
 */
import { peerLayout } from '../../src/wire/peer-table.ts';
import type { PartField, ValueType } from '../../src/wire/values.ts';

export interface Envelope {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly PartField[];
}

/** The text of a .proto file with these envelopes and all types that they use. */
export function protoText(envelopes: readonly Envelope[]): string {
  const written = new Map<string, string>();
  const blocks = envelopes.map(({ name, about, cases }) => {
    for (const one of cases) describe(one.value, written);
    return [
      `// ${about}`,
      `message ${name} {`,
      '  required uint32 version = 1;',
      '  repeated Peer peers = 2;',
      ...oneof(cases),
      '}',
    ].join('\n');
  });
  const peer = [
    '// Fields that name a peer hold its place among the peers of the envelope: 1 for the first.',
    message('Peer', peerLayout.parts),
  ].join('\n');
  return [
    '// Written by test/wire/golden.test.ts from src/wire/schema.ts; docs/protocol/wire.md explains.\nsyntax = "proto2";',
    'package banyan;',
    ...blocks,
    peer,
    ...written.values(),
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/, '\n');
}

function describe(value: ValueType<unknown>, written: Map<string, string>): void {
  const { parts, proto } = value;
  if (parts === undefined) return;
  const before = written.get(proto);
  if (parts.of === 'enumeration') {
    const words = parts.members.map(([word, number]) => `  ${constant(proto)}_${constant(word)} = ${number};`);
    put(proto, [`enum ${proto} {`, ...words, '}'].join('\n'), written);
    return;
  }
  const text =
    parts.of === 'record'
      ? message(proto, parts.members)
      : [`message ${proto} {`, ...oneof(parts.members), '}'].join('\n');
  put(proto, text, written);
  if (before !== undefined) return;
  for (const member of parts.members) describe(member.value, written);
}

/** Two types of one name would make a file that differs from the schema. */
function put(proto: string, text: string, written: Map<string, string>): void {
  const before = written.get(proto);
  if (before !== undefined && before !== text)
    throw new Error(`${proto} is the name of two things:\n${before}\n${text}`);
  written.set(proto, text);
}

function message(name: string, fields: readonly PartField[]): string {
  if (fields.length === 0) return `message ${name} {}`;
  return [`message ${name} {`, ...fields.map(line), '}'].join('\n');
}

function line({ key, number, presence, value }: PartField): string {
  const label = presence === 'list' ? 'repeated' : presence;
  const isPeer = value.role === 'mentioned' || value.role === 'introduced';
  const packed = presence === 'list' && value.wireType !== 2 && !isPeer ? ' [packed = true]' : '';
  const unit = value.unit === undefined ? '' : ` // ${value.unit}`;
  return `  ${label} ${value.proto} ${snake(key)} = ${number}${packed};${unit}`;
}

function oneof(cases: readonly PartField[]): string[] {
  return [
    '  oneof of {',
    ...cases.map(({ key, number, value }) => `    ${value.proto} ${snake(key)} = ${number};`),
    '  }',
  ];
}

function snake(name: string): string {
  return name.replaceAll('-', '_').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function constant(name: string): string {
  return snake(name).replace(/^_/, '').toUpperCase();
}
