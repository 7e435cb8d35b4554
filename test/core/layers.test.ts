/** Several layers on one peer: which layer receives what, when the peer may rest, and which combinations are refused. */
import { describe, expect, it } from 'vitest';
import { SimulatedFarm, handle } from '../../simulator/farm.ts';
import type { Layer, LayerKind, LayerName, MakeLayer } from '../../src/core/layer.ts';
import type { Parts } from '../../src/core/parts.ts';
import { everyKind, idleLayer } from './idle-layer.ts';

const [root, peer] = [handle(0), handle(1)];

/** A layer that records its calls. */
interface Told {
  readonly layer: Layer & { isIdle: boolean };
  readonly log: string[];
}

function tellingLayer(name: LayerName, kinds: readonly LayerKind[], topics: readonly string[], isIdle = true): Told {
  const log: string[] = [];
  const layer = {
    name,
    kinds,
    topics,
    isIdle,
    beat: () => void log.push('beat'),
    receive: (_from: unknown, message: { readonly kind: string }) => void log.push(message.kind),
    delivered: ({ payload }: Parameters<Layer['delivered']>[0]) =>
      void log.push(payload.type === 'note' ? `note on ${payload.topic}` : 'release'),
    measured: () => void log.push('measured'),
    answered: () => void log.push('answered'),
    viewChanged: () => void log.push('view'),
    pinged: () => void log.push('pinged'),
  };
  return { layer, log };
}

const others: readonly LayerKind[] = everyKind.filter((kind) => kind !== 'grant');

/** A root and four clients, one of them with these layers. */
function farmOf(...layers: readonly Layer[]): SimulatedFarm {
  const farm = new SimulatedFarm({
    seed: 3,
    rttMs: () => 10,
    layers: (self) =>
      self === peer
        ? layers.map(
            (layer): MakeLayer =>
              () =>
                layer,
          )
        : [],
  });
  farm.start(root, { as: 'root', root, neighbours: [] });
  farm.act(root, (core, nowMs) => core.publish(nowMs, 1, new Uint8Array(32), 1_000));
  for (const n of [1, 2, 3, 4]) farm.start(handle(n), { as: 'peer', root, neighbours: [root] });
  farm.run(60_000);
  return farm;
}

function partsOf(farm: SimulatedFarm): Readonly<Parts> {
  const core = farm.peer(peer);
  if (core === null) throw new Error('the peer is gone');
  return core.state;
}

describe('two layers in one peer', () => {
  it('both are told of all events, and each receives the messages and the notes that are its own', () => {
    const [quality, ledger] = [tellingLayer('quality', others, ['round']), tellingLayer('ledger', ['grant'], ['book'])];
    const farm = farmOf(quality.layer, ledger.layer);
    for (const { log } of [quality, ledger]) {
      expect(log).toContain('beat');
      expect(log).toContain('view');
      log.length = 0;
    }
    farm.act(peer, (core, nowMs) => core.measured(nowMs, { server: root, delayMs: 9, ok: true }));
    farm.act(peer, (core, nowMs) => core.answered(nowMs, 4));
    farm.act(peer, (core, nowMs) => core.receive(nowMs, root, { kind: 'grant', number: 1, orders: [] }));
    farm.act(peer, (core, nowMs) => core.receive(nowMs, root, { kind: 'survey', round: 1, cards: [] }));
    for (const topic of ['book', 'round', 'of nobody'])
      farm.act(root, (core, nowMs) => core.multicast(nowMs, { type: 'note', topic, bytes: new Uint8Array(1) }));
    farm.act(root, (core, nowMs) => core.publish(nowMs, 2, new Uint8Array(32), 1_000));
    farm.run(100);
    const heard = ({ log }: Told): string[] => log.filter((what) => what !== 'beat');
    expect(heard(quality)).toEqual(['measured', 'answered', 'survey', 'note on round', 'release']);
    expect(heard(ledger)).toEqual(['measured', 'answered', 'grant', 'note on book', 'release']);
  });

  it('get the answers to their own pings only', () => {
    const [quality, ledger] = [tellingLayer('quality', others, []), tellingLayer('ledger', ['grant'], [])];
    const farm = farmOf(quality.layer, ledger.layer);
    farm.act(peer, () => partsOf(farm).pings.ask(root, 'ledger'));
    farm.run(100);
    expect(ledger.log).toContain('pinged');
    expect(quality.log).not.toContain('pinged');
  });

  it('let heartbeats take the short way only when both are idle', () => {
    const beats = (firstIdle: boolean, secondIdle: boolean): number => {
      const first = tellingLayer('quality', others, [], firstIdle);
      const second = tellingLayer('ledger', ['grant'], [], secondIdle);
      const farm = farmOf(first.layer, second.layer);
      first.log.length = 0;
      farm.run(60_000);
      return first.log.filter((what) => what === 'beat').length;
    };
    const rest = beats(true, true);
    expect(beats(true, false)).toBeGreaterThan(2 * rest);
    expect(beats(false, true)).toBeGreaterThan(2 * rest);
  });

  it('are found by their names', () => {
    const [quality, ledger] = [tellingLayer('quality', others, []), tellingLayer('ledger', ['grant'], [])];
    const parts = partsOf(farmOf(quality.layer, ledger.layer));
    expect(parts.layerNamed('ledger')).toBe(ledger.layer);
    expect(parts.layerNamed('election')).toBeNull();
    expect(partsOf(farmOf(idleLayer(true))).layerNamed('quality')?.name).toBe('quality');
    expect(partsOf(farmOf()).layerNamed('quality')).toBeNull();
  });
});

describe('one layer', () => {
  it('hears no note on a topic that it did not name', () => {
    const { layer, log } = tellingLayer('quality', everyKind, ['round']);
    const farm = farmOf(layer);
    for (const topic of ['book', 'round'])
      farm.act(root, (core, nowMs) => core.multicast(nowMs, { type: 'note', topic, bytes: new Uint8Array(1) }));
    farm.run(100);
    expect(log.filter((what) => what.startsWith('note'))).toEqual(['note on round']);
  });
});

describe('a peer is not made with layers', () => {
  const quality = tellingLayer('quality', everyKind, ['round']).layer;

  it.each([
    ['of one name', [quality, tellingLayer('quality', [], []).layer], 'two layers of one peer are called "quality"'],
    [
      'that both read one kind of message',
      [quality, tellingLayer('ledger', ['grant'], []).layer],
      'messages of the kind "grant" belong to the layer "quality": "ledger" cannot have them too',
    ],
    [
      'that both have one topic',
      [quality, tellingLayer('ledger', [], ['round']).layer],
      'notes on the topic "round" belong to the layer "quality": "ledger" cannot have them too',
    ],
    [
      'of which none reads a kind of message',
      [tellingLayer('quality', others, []).layer],
      'no layer reads messages of the kind "grant": one must have it in its kinds',
    ],
  ])('%s', (_, layers, sentence) => {
    expect(() => farmOf(...layers)).toThrow(sentence);
  });
});
