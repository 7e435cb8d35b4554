/**
 * Liars (Byzantine peers): the messages they send instead of their peer's.
 *
 * A liar's own peer is the real one; only what leaves its machine is false. A liar knows the protocol. It takes a message, its own or one
 * that it has seen, and changes some of its content (numbers, names, lists, signed statements under its own name or another's), replays an
 * old message, or withholds one. Now and then it sends an unasked message to any peer. It cannot sign for others.
 *
 * `docs/SIMULATOR.md` says what such a peer may do, and what it must not be able to do.
 */
import { sealOf } from '../src/core/index.ts';
import type { Message, PeerHandle, Signed } from '../src/core/index.ts';
import { seal } from './engine/seals.ts';
import type { SimulatedFarm } from './farm.ts';
import { handle } from './farm.ts';
import type { Random } from './random.ts';

/** Messages that the liars remember, sent or seen. */
const remembered = 96;
/** How often a liar sends an unasked message, ms. */
const unaskedEveryMs = 1_500;
/** Boundary numbers that a check might have forgotten. */
const oddNumbers = [0, 1, -1, 2, 0.5, 100, 1e4, 1e6, 2 ** 31, 2 ** 40, 2 ** 52, 2 ** 53 - 1, Number.NaN];
const states = ['joining', 'serving', 'draining', 'gone', 'excluded'];

export class Liars {
  readonly #farm: SimulatedFarm;
  readonly #dice: Random;
  readonly #peers: number;
  readonly #liars: ReadonlySet<PeerHandle>;
  readonly #share: number;
  readonly #memory: Message[] = [];
  #active = false;

  constructor(farm: SimulatedFarm, dice: Random, peers: number, liars: readonly number[], share: number) {
    this.#farm = farm;
    this.#dice = dice;
    this.#peers = peers;
    this.#liars = new Set(liars.map(handle));
    this.#share = share;
  }

  has(peer: PeerHandle): boolean {
    return this.#liars.has(peer);
  }

  /** From now on they lie. */
  begin(): void {
    this.#active = true;
    this.#farm.tamper = (from, _to, message) => this.#say(from, message);
    for (const liar of this.#liars) this.#speakLater(liar);
  }

  /** From now on they send their peers' messages unchanged. */
  end(): void {
    this.#active = false;
    this.#farm.tamper = null;
  }

  #say(from: PeerHandle, message: Message): Message | null {
    // Liars see messages on their way, and remember some.
    if (this.#memory.length < remembered) this.#memory.push(message);
    else if (this.#dice.next() < 0.1) this.#memory[this.#dice.below(remembered)] = message;
    if (!this.#liars.has(from) || this.#dice.next() >= this.#share) return message;
    const way = this.#dice.next();
    if (way < 0.15) return null;
    if (way < 0.25) return this.#dice.pick(this.#memory);
    return this.#twist(from, way < 0.35 ? this.#dice.pick(this.#memory) : message);
  }

  #speakLater(liar: PeerHandle): void {
    this.#farm.after(this.#dice.exponential(unaskedEveryMs), () => {
      if (!this.#active) return;
      this.#speakLater(liar);
      const to = this.#someone();
      if (this.#memory.length > 0) this.#farm.sayFalsely(liar, to, this.#twist(liar, this.#dice.pick(this.#memory)));
    });
  }

  // --- Changing the content of a message ----------------------------------------------------------------------------------------

  #twist(liar: PeerHandle, message: Message): Message {
    const aimed = this.#aim(message);
    const twisted = this.#twistRecord(liar, aimed as unknown as Plain, 1 + this.#dice.below(3)) as unknown as Message;
    return twisted.kind === 'cast' && this.#dice.next() < 0.5 ? this.#signedCast(liar, twisted) : twisted;
  }

  /** The lies that would do most harm if they were believed. */
  #aim(message: Message): Message {
    if (this.#dice.next() < 0.5) return message;
    const later = this.#dice.pick([1, 5, 1_000, 2 ** 39]);
    switch (message.kind) {
      case 'heartbeat-down':
      case 'accept': {
        if (message.stamp === null) return message;
        const stamp = { ...message.stamp, sequence: message.stamp.sequence + later };
        return { ...message, stamp, depth: this.#dice.pick([0, 1, message.depth]) };
      }
      case 'join':
        return { ...message, passed: null, hasChildren: false, orphan: true, rttMs: 0.1 };
      case 'pong':
        return { ...message, serverRoom: 99, clientRoom: 99 };
      case 'cast-gone':
        return { ...message, sequence: message.sequence + this.#dice.pick([1, 10, 1e6]) };
      case 'cast-heads':
        return { ...message, heads: message.heads.map((head) => ({ ...head, sequence: head.sequence + later })) };
      case 'granted':
        return { ...message, peer: this.#someone() };
      case 'answer':
        return { ...message, verdict: this.#dice.pick(['taken', 'serving'] as const), reason: null };
      case 'dialed-back':
        return { ...message, worked: !message.worked };
      case 'redirect':
      case 'evict':
        return { ...message, candidates: message.candidates.map((card) => ({ ...card, peer: this.#someone() })) };
      case 'ping':
        // Replaces a question by an order to leave.
        return { kind: 'disown', tree: this.#dice.pick(['servers', 'clients'] as const) };
      case 'cast-pull':
        return {
          kind: 'cast-gone',
          origin: message.origin,
          incarnation: message.incarnation,
          sequence: message.sequence + later,
        };
      default:
        return message;
    }
  }

  #signedCast(liar: PeerHandle, cast: Extract<Message, { kind: 'cast' }>): Message {
    const { signature: _, ...unsigned } = { ...cast, origin: liar };
    return { ...unsigned, signature: seal(sealOf(unsigned)) };
  }

  #twistRecord(liar: PeerHandle, record: Plain, changes: number): Plain {
    const twisted = { ...record };
    const keys = Object.keys(record).filter((key) => key !== 'kind' && key !== 'type');
    for (let change = 0; change < changes && keys.length > 0; change++) {
      const key = this.#dice.pick(keys);
      twisted[key] = this.#twistValue(liar, key, twisted[key]);
    }
    const isStatement = 'issuer' in twisted && 'signature' in twisted;
    if (!isStatement || this.#dice.next() < 0.5) return twisted;
    const own = { ...twisted, issuer: liar } as unknown as Signed;
    return { ...own, signature: seal(own) } as unknown as Plain;
  }

  #twistValue(liar: PeerHandle, key: string, value: unknown): unknown {
    const dice = this.#dice;
    if (typeof value === 'boolean') return !value;
    if (typeof value === 'number') {
      if (peerKeys.has(key)) return this.#someone();
      return dice.next() < 0.4 ? value + dice.pick([-1, 1, 5, 1_000]) : dice.pick(oddNumbers);
    }
    if (typeof value === 'string') {
      if (key === 'tree') return value === 'servers' ? 'clients' : 'servers';
      return key === 'state' ? dice.pick(states) : value;
    }
    if (value instanceof Uint8Array) return value.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
    if (Array.isArray(value)) return this.#twistList(liar, key, value);
    return value === null || typeof value !== 'object' ? value : this.#twistRecord(liar, value as Plain, 1);
  }

  #twistList(liar: PeerHandle, key: string, list: readonly unknown[]): unknown[] {
    const dice = this.#dice;
    const [at, way] = [dice.below(Math.max(1, list.length)), dice.next()];
    if (list.length === 0 || way < 0.2) return [];
    if (way < 0.4) return [...list, list[at]];
    return list.map((item, i) => {
      if (i !== at) return item;
      return item !== null && typeof item === 'object' && !(item instanceof Uint8Array)
        ? this.#twistRecord(liar, item as Plain, 2)
        : this.#twistValue(liar, key, item);
    });
  }

  /** Any peer, or one of two that do not exist. */
  #someone(): PeerHandle {
    return handle(this.#dice.below(this.#peers + 2));
  }
}

type Plain = Record<string, unknown>;

const peerKeys = new Set([
  'peer',
  'root',
  'subject',
  'parent',
  'issuer',
  'origin',
  'server',
  'worst',
  'worstServer',
  'candidates',
]);
