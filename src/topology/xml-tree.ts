/**
 * XML text as a tree of elements that know their line: a thin wrapper around fast-xml-parser.
 *
 * The library returns nested objects whose keys are tags, attributes and symbols; a reader needs elements, and a person whose file is
 * refused needs the line. Text that is not well-formed is refused, and so are documents that define entities, which can make a small file
 * expand without bound.
 */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { shown, TopologyError } from './topology-error.ts';

export interface Element {
  readonly tag: string;
  /** Line of the start tag, from 1. */
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** The text directly inside, without blanks at either end. */
  readonly text: string;
  readonly children: readonly Element[];
}

/** The library's form of a node when order is preserved: one key that is the tag, ':@' and a symbol. */
type Parsed = Readonly<Record<string | symbol, unknown>>;

/** @throws TopologyError when the text is not well-formed XML or its root is not `<rootTag>` */
export function parseXml(text: string, rootTag: string): Element {
  if (/<!ENTITY/i.test(text))
    throw new TopologyError('the document defines entities; remove the <!ENTITY> declarations');
  const checked = XMLValidator.validate(text);
  if (checked !== true) throw new TopologyError(`this is not well-formed XML: ${checked.err.msg}`, checked.err.line);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    preserveOrder: true,
    captureMetaData: true,
    parseTagValue: false,
    parseAttributeValue: false,
    removeNSPrefix: true,
  });
  const lines = lineStarts(text);
  let roots: Element[];
  try {
    roots = elementsOf(parser.parse(text) as Parsed[], lines);
  } catch (error) {
    throw new TopologyError(`the XML cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const root = roots.filter((element) => !element.tag.startsWith('?'));
  if (root.length !== 1 || root[0]!.tag !== rootTag) {
    const found = root.map((element) => shown(element.tag)).join(', ') || 'nothing';
    throw new TopologyError(`one <${rootTag}> element is expected and ${found} was found`, root[0]?.line);
  }
  return root[0]!;
}

export function childrenOf(element: Element, tag: string): Element[] {
  return element.children.filter((child) => child.tag === tag);
}

function elementsOf(nodes: readonly Parsed[], lines: readonly number[]): Element[] {
  const metaData = XMLParser.getMetaDataSymbol() as unknown as symbol;
  return nodes.flatMap((node) => {
    const tag = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (tag === undefined) return [];
    const inside = node[tag] as readonly Parsed[];
    const { startIndex = 0 } = (node[metaData] ?? {}) as { startIndex?: number };
    const text = inside.map((child) => (typeof child['#text'] === 'string' ? child['#text'] : '')).join('');
    const attributes = (node[':@'] ?? {}) as Record<string, string>;
    return [
      { tag, line: lineAt(lines, startIndex), attributes, text: text.trim(), children: elementsOf(inside, lines) },
    ];
  });
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], index: number): number {
  let low = 0;
  let high = starts.length;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= index) low = middle;
    else high = middle;
  }
  return low + 1;
}
