/**
 * The layers of one peer. It is checked when they are made that each kind of message has exactly one reader; then several layers look like
 * one to the core.
 *
 * Like the tenants of a house with one letter box each: news for the whole house goes to all, a letter to the tenant whose name is on it.
 * Most peers have one layer or none, and a simulation holds a million of those. A single layer is therefore called directly; only a peer
 * with several pays for the indirection through this file.
 */
import type { PeerHandle } from './ids.ts';
import type { Layer, LayerEvents, LayerKind, LayerName } from './layer.ts';
import type { Cast, LayerMessage } from './messages/index.ts';
import type { Answered } from './reach/pings.ts';
import type { Sample } from './servers/selection.ts';

/** The type makes it complete: a new message kind for a layer does not compile before it stands here. */
const allKinds: Record<LayerKind, true> = {
  aggregate: true,
  survey: true,
  surveyed: true,
  grant: true,
  granted: true,
  retire: true,
  shed: true,
};

/**
 * What the core talks to for these layers; null for none.
 * @throws Error when a name, a message kind or a topic belongs to two of them, or a message kind to none
 */
export function asOne(layers: readonly Layer[]): LayerEvents | null {
  const [first] = layers;
  if (first === undefined) return null;
  checkOwners(layers);
  return layers.length === 1 ? first : new Layers(layers);
}

/** The layer of this name among those that `asOne` put together; null when there is none. */
export function layerNamed(name: LayerName, events: LayerEvents | null): Layer | null {
  if (events === null) return null;
  const all = events instanceof Layers ? events.all : [events as Layer];
  return all.find((layer) => layer.name === name) ?? null;
}

/** A note goes to the layer that has its topic, every other announcement to all layers. */
export function isFor(layer: LayerEvents, { payload }: Cast): boolean {
  return payload.type !== 'note' || layer.topics.includes(payload.topic);
}

function checkOwners(layers: readonly Layer[]): void {
  const names = new Set<LayerName>();
  const kinds = new Map<LayerKind, LayerName>();
  const topics = new Map<string, LayerName>();
  for (const layer of layers) {
    if (names.has(layer.name)) throw new Error(`two layers of one peer are called "${layer.name}"`);
    names.add(layer.name);
    claim(kinds, layer.kinds, layer.name, 'messages of the kind');
    claim(topics, layer.topics, layer.name, 'notes on the topic');
  }
  for (const kind of Object.keys(allKinds) as LayerKind[])
    if (!kinds.has(kind))
      throw new Error(`no layer reads messages of the kind "${kind}": one must have it in its kinds`);
}

function claim<T extends string>(owners: Map<T, LayerName>, claimed: readonly T[], by: LayerName, what: string): void {
  for (const one of claimed) {
    const owner = owners.get(one);
    if (owner !== undefined)
      throw new Error(`${what} "${one}" belong to the layer "${owner}": "${by}" cannot have them too`);
    owners.set(one, by);
  }
}

/** Two or more layers. */
class Layers implements LayerEvents {
  readonly all: readonly Layer[];
  readonly topics: readonly string[];
  readonly #readers: ReadonlyMap<LayerKind, Layer>;

  constructor(all: readonly Layer[]) {
    this.all = all;
    this.topics = all.flatMap((layer) => layer.topics);
    this.#readers = new Map(all.flatMap((layer) => layer.kinds.map((kind) => [kind, layer] as const)));
  }

  get isIdle(): boolean {
    return this.all.every((layer) => layer.isIdle);
  }

  beat(): void {
    for (const layer of this.all) layer.beat();
  }

  receive(from: PeerHandle, message: LayerMessage): void {
    this.#readers.get(message.kind)?.receive(from, message);
  }

  delivered(cast: Cast): void {
    for (const layer of this.all) if (isFor(layer, cast)) layer.delivered(cast);
  }

  measured(sample: Sample): void {
    for (const layer of this.all) layer.measured(sample);
  }

  answered(serveMs: number): void {
    for (const layer of this.all) layer.answered(serveMs);
  }

  viewChanged(): void {
    for (const layer of this.all) layer.viewChanged();
  }

  pinged(answer: Answered): void {
    for (const layer of this.all) if (layer.name === answer.asker) layer.pinged(answer);
  }
}
