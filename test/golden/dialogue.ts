/**
 * What happens between a few peers, written down line by line so that a person can read it and a diff can judge it.
 *
 * A dialogue sets a scene of named peers at places on a map (a unit is a millisecond of round trip), and from `begin` on writes
 * every message at the moment it is sent, every event at the moment it happens, and what the scene itself does (`—`). Times are
 * virtual, from `begin`. What would only be noise in a scene (heartbeats, say) is left out by kind.
 */
import { NOBODY } from '../../src/core/ids.ts';
import type { PeerHandle } from '../../src/core/ids.ts';
import type { MemberRecord, Message, PeerCard, ReleaseNotice, Stamp } from '../../src/core/messages/index.ts';
import type { TreeOptions } from '../../src/core/options.ts';
import type { Peer } from '../../src/core/peer.ts';
import type { PeerEvent } from '../../src/core/world.ts';
import { Quality, defaultQosOptions } from '../../src/qos/index.ts';
import type { QosEvent } from '../../src/qos/index.ts';
import { SimulatedFarm, generous, handle } from '../../simulator/farm.ts';

type Place = readonly [x: number, y: number];

/** Kinds that every dialogue leaves out unless it asks for them. */
const noise: readonly Message['kind'][] = [
  'heartbeat-down',
  'heartbeat-up',
  'dial-back',
  'dialed-back',
  'cast-heads',
  'members-compare',
  'members',
  'release-ask',
  'release-now',
  'view',
  'view-change',
  'view-pull',
];

const controlledOptions = { ...defaultQosOptions, controlled: true };

export class Dialogue {
  readonly farm: SimulatedFarm;
  readonly #names: readonly string[];
  readonly #lines: string[] = [];
  readonly #shown = new Set<Message['kind']>();
  #beganAtMs = Number.POSITIVE_INFINITY;
  #quiet: (from: string, to: string, message: Message) => boolean = () => false;

  /** The first name is the root's. Nobody is started yet. `controlled`: volunteers wait for the root's controller. */
  constructor(places: Readonly<Record<string, Place>>, tree: Partial<TreeOptions> = {}, controlled = false) {
    this.#names = Object.keys(places);
    const at = Object.values(places);
    this.farm = new SimulatedFarm({
      seed: 1,
      rttMs: (a, b) => {
        const [from, to] = [at[a] ?? [0, 0], at[b] ?? [0, 0]];
        return a === b ? 0 : 2 * Math.round(1 + Math.hypot(from[0] - to[0], from[1] - to[1]) / 2);
      },
      tree: { minHeartbeatMs: 1_000, maxHeartbeatMs: 1_000, ...tree },
      ...(controlled
        ? {
            layers: () => [
              (parts) => new Quality(parts, controlledOptions, (event) => this.#decided(parts.ctx.self, event)),
            ],
          }
        : {}),
    });
    this.farm.onSend = (from, to, message) => this.#sent(from, to, message);
    this.farm.checkers.push({
      name: 'dialogue',
      verdict: () => [],
      observed: (_farm, peer, event) => this.#happened(peer, event),
    });
  }

  handle(name: string): PeerHandle {
    const index = this.#names.indexOf(name);
    if (index < 0) throw new Error(`nobody is called ${name}`);
    return handle(index);
  }

  peer(name: string): Peer {
    const peer = this.farm.peer(this.handle(name));
    if (peer === null) throw new Error(`${name} is not alive`);
    return peer;
  }

  // --- The scene ---------------------------------------------------------------------------------------------------------

  /** Starts the root with release 1, then the others, each when the one before has its place and can be dialled. */
  enter(...names: string[]): this {
    const root = handle(0);
    for (const name of names) {
      const self = this.handle(name);
      if (self === root) {
        this.farm.start(root, { as: 'root', root, neighbours: [] });
        this.farm.act(root, (peer) => peer.publish(this.farm.nowMs, 1, new Uint8Array(32), 1e5));
        continue;
      }
      this.farm.start(self, { as: 'peer', root, neighbours: [root] });
      this.until(`${name} is reachable`, () => this.peer(name).state.ctx.reachable);
    }
    return this;
  }

  /** Makes servers of clients, one after the other. */
  promote(...names: string[]): this {
    for (const name of names) {
      this.act(name, (peer, nowMs) => peer.volunteer(nowMs, generous));
      this.until(
        `${name} serves`,
        () => this.peer('root').state.membership.get(this.handle(name))?.state === 'serving',
      );
    }
    return this;
  }

  /** They are willing to serve, should the root want it. */
  offer(...names: string[]): this {
    for (const name of names) this.act(name, (peer, nowMs) => peer.volunteer(nowMs, generous));
    return this;
  }

  /** Each asks the root for something, and has the answer after a round trip. */
  visit(...names: string[]): this {
    for (const name of names) {
      const server = handle(0);
      const delayMs = this.farm.options.rttMs(this.handle(name), server);
      this.act(name, (peer, nowMs) => peer.measured(nowMs, { server, delayMs, ok: true }));
    }
    return this;
  }

  /**
   * For so many seconds each of them asks the server that it would choose, every second; `serveMs`: what that one needs besides the way.
   */
  use(seconds: number, names: readonly string[], serveMs: (server: string) => number): this {
    for (let second = 0; second < seconds; second++) {
      for (const name of names) {
        const [server] = this.peer(name).rank(this.farm.nowMs);
        if (server === undefined) continue;
        const tookMs = serveMs(this.#name(server));
        const delayMs = tookMs + this.farm.options.rttMs(this.handle(name), server);
        this.act(name, (peer, nowMs) => peer.measured(nowMs, { server, delayMs, ok: true }));
        this.farm.act(server, (peer) => peer.answered(this.farm.nowMs, tookMs));
      }
      this.run(1_000);
    }
    return this;
  }

  /** From now on the root's controller is to reach this mean delay. */
  require(meanMs: number): this {
    return this.act('root', ({ state }) =>
      (state.layerNamed('quality') as Quality).require({ meanMs, percentile: null, availability: null }),
    );
  }

  act(name: string, act: (peer: Peer, nowMs: number) => void): this {
    this.farm.act(this.handle(name), (peer) => act(peer, this.farm.nowMs));
    return this;
  }

  run(forMs: number): this {
    this.farm.run(forMs);
    return this;
  }

  /** Runs until it is so; a scene that does not get there in five minutes is broken. */
  until(what: string, holds: () => boolean): this {
    if (!this.farm.runUntil(holds, 300_000, 10)) throw new Error(`it never happened that ${what}`);
    return this;
  }

  // --- The record -----------------------------------------------------------------------------------------------------------

  /** From now on everything is written down; these kinds of message too. */
  begin(...shown: Message['kind'][]): this {
    this.#beganAtMs = this.farm.nowMs;
    for (const kind of shown) this.#shown.add(kind);
    return this;
  }

  /** Leaves out messages that are not of interest in this scene. */
  without(quiet: (from: string, to: string, message: Message) => boolean): this {
    this.#quiet = quiet;
    return this;
  }

  /** Something that the scene does, or that the reader should know. */
  note(sentence: string): this {
    this.#write(`— ${sentence}`);
    return this;
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #write(line: string): void {
    if (this.farm.nowMs < this.#beganAtMs) return;
    this.#lines.push(`${String(Math.round(this.farm.nowMs - this.#beganAtMs)).padStart(6)} ms  ${line}`);
  }

  #sent(from: PeerHandle, to: PeerHandle, message: Message): void {
    if (noise.includes(message.kind) && !this.#shown.has(message.kind)) return;
    if (this.#quiet(this.#name(from), this.#name(to), message)) return;
    this.#write(`${`${this.#name(from)} → ${this.#name(to)}`.padEnd(16)} ${this.#say(message)}`);
  }

  #happened(peer: PeerHandle, event: PeerEvent): void {
    const said = this.#tell(event);
    if (said !== null) this.#write(`${`* ${this.#name(peer)}`.padEnd(16)} ${said}`);
  }

  #decided(peer: PeerHandle, event: QosEvent): void {
    const who = `* ${this.#name(peer)}`.padEnd(16);
    if (event.type === 'fullness-changed') {
      const { serveMs, usualMs } = event.load;
      const why = `${serveMs.toFixed(0)} ms besides the way, ${usualMs.toFixed(0)} ms is usual`;
      this.#write(`${who} is ${event.full === null ? 'open again' : `full (${why})`}`);
    }
    if (event.type === 'shed')
      this.#write(`${who} will send on ${event.clients.map((client) => this.#name(client)).join(', ')}`);
    if (event.type !== 'decided') return;
    const { round, figures, reason, actions } = event.decision;
    const what = actions.map(
      ({ action, candidates }) => `${action} ${candidates.map((peer) => this.#name(peer)).join(' or ')}`,
    );
    this.#write(
      `${'* root'.padEnd(16)} reads round ${round}: ${figures.clients} clients, ${figures.meanMs.toFixed(1)} ms on the mean`,
    );
    this.#write(`${'* root'.padEnd(16)} decides: ${what.length === 0 ? 'nothing' : what.join(', ')} (${reason})`);
  }

  // --- Words ---------------------------------------------------------------------------------------------------------------

  #name(peer: PeerHandle): string {
    return peer === NOBODY ? 'nobody' : (this.#names[peer] ?? `peer ${peer}`);
  }

  #cards(cards: readonly PeerCard[]): string {
    return cards.length === 0 ? 'nobody' : cards.map((card) => this.#name(card.peer)).join(', ');
  }

  #stamp(stamp: Stamp | null, depth: number): string {
    return stamp === null ? 'no stamp yet' : `stamp of ${this.#name(stamp.root)} at depth ${depth}`;
  }

  #record({ subject, state, full, issuer }: MemberRecord): string {
    return `${this.#name(subject)} ${state}${full ? ' (full)' : ''}${issuer === subject ? '' : ` (says ${this.#name(issuer)})`}`;
  }

  #records(records: readonly MemberRecord[]): string {
    return records.length === 0 ? 'no news' : records.map((record) => this.#record(record)).join(', ');
  }

  #release(notice: ReleaseNotice | null): string {
    return notice === null ? 'no release' : `release ${notice.number}`;
  }

  #say(message: Message): string {
    switch (message.kind) {
      case 'join': {
        const how = message.orphan ? 'without a parent' : 'has a parent';
        return `join ${message.tree}: ${how}${message.hasChildren ? ', with children' : ''}, ${message.rttMs} ms away`;
      }
      case 'accept':
        return `accept in the tree of ${message.tree}: ${this.#stamp(message.stamp, message.depth)}`;
      case 'redirect':
        return `redirect (${message.reason}): try ${this.#cards(message.candidates)}`;
      case 'evict':
        return `evict (${message.reason}): try ${this.#cards(message.candidates)}`;
      case 'heartbeat-down': {
        const roster = message.roster === null ? '' : `, roster: siblings ${this.#cards(message.roster.siblings)}`;
        const news = message.deltas.length === 0 ? '' : `, news: ${this.#records(message.deltas)}`;
        return `heartbeat down: ${this.#stamp(message.stamp, message.depth)}${roster}${news}`;
      }
      case 'heartbeat-up': {
        const news = message.deltas.length === 0 ? '' : `, news: ${this.#records(message.deltas)}`;
        return `heartbeat up: ${message.size} in the subtree${news}`;
      }
      case 'pong':
        return `pong: room for ${message.serverRoom} servers, ${message.clientRoom} clients`;
      case 'members':
        return `members${message.snapshot ? ' (all)' : ''}: ${this.#records(message.records)}`;
      case 'members-compare':
        return `members-compare${message.answer ? ' in return' : ''}${message.snapshot ? ': send everything' : ''}`;
      case 'view':
        return `view of ${this.#name(message.server)}: ${this.#records(message.records)}`;
      case 'view-change': {
        const gone = message.gone.map((peer) => `, without ${this.#name(peer)}`).join('');
        return `news in the view of ${this.#name(message.server)}: ${this.#records(message.records)}${gone}`;
      }
      case 'cast': {
        const what = message.payload.type === 'release' ? this.#release(message.payload.notice) : message.payload.topic;
        return `cast ${message.sequence} of ${this.#name(message.origin)}: ${what}`;
      }
      case 'cast-pull':
        return `cast-pull: ${this.#name(message.origin)} from ${message.sequence} on`;
      case 'cast-gone':
        return `cast-gone: ${this.#name(message.origin)} only from ${message.sequence} on`;
      case 'cast-heads': {
        const heads = message.heads.map(({ origin, sequence }) => `${this.#name(origin)} up to ${sequence}`).join(', ');
        return `cast-heads: ${heads === '' ? 'nothing yet' : heads}${message.reply ? '; and you?' : ''}`;
      }
      case 'offer':
        return `offer: serve ${this.#release(message.notice)}`;
      case 'answer':
        return `answer: ${message.verdict}${message.reason === null ? '' : ` (${message.reason})`}`;
      case 'release-now':
        return `release-now: ${this.#release(message.notice)}`;
      case 'report':
        return `report: ${this.#name(message.subject)} lied about ${message.path}`;
      case 'part':
      case 'disown':
        return `${message.kind} in the tree of ${message.tree}`;
      case 'tree-create':
        return `tree-create: ${this.#name(message.root)} has a service, pass on ${message.ttl - 1} more times`;
      case 'dialed-back':
        return `dialed-back: ${message.worked ? 'it worked' : 'it failed'}`;
      case 'aggregate': {
        const { reported, expected, sumMs, clients } = message.aggregate;
        return `aggregate of round ${message.round}: ${reported} of ${expected} heard, mean ${(sumMs / clients).toFixed(1)} ms`;
      }
      case 'survey':
        return `survey: how far from you are ${message.cards.map((card) => this.#name(card.peer)).join(', ')}?`;
      case 'surveyed':
        return `surveyed: ${message.cards.map((card) => `${this.#name(card.peer)} ${card.rttMs} ms`).join(', ')}`;
      case 'grant':
        return `grant ${message.number}: one of ${message.orders.map((order) => this.#name(order.subject)).join(', ')} shall serve`;
      case 'granted':
        return `granted ${message.number}: ${message.peer === NOBODY ? 'nobody' : this.#name(message.peer)} serves`;
      case 'retire':
        return 'retire: stop serving';
      case 'shed':
        return 'shed: go to the next server that is near you';
      case 'ping':
      case 'view-pull':
      case 'volunteer':
      case 'release-ask':
      case 'dial-back':
        return message.kind;
    }
  }

  /** An event in words; null for those that only repeat what a message said. */
  #tell(event: PeerEvent): string | null {
    switch (event.type) {
      case 'attached':
        return `hangs below ${this.#name(event.parent)} in the tree of ${event.tree}, at depth ${event.depth}`;
      case 'orphaned':
        return `has lost its parent ${this.#name(event.parent)} (${event.reason})`;
      case 'child-lost':
        return `no longer has the child ${this.#name(event.child)} (${event.reason})`;
      case 'role-changed':
        return event.role === 'outside' ? 'is outside the farm' : `is a ${event.role}`;
      case 'delivered':
        return `delivers ${event.sequence} of ${this.#name(event.origin)}`;
      case 'gap-skipped':
        return `gives up what ${this.#name(event.origin)} sent before ${event.to}`;
      case 'member-changed':
        return `knows: ${this.#record(event.record)}`;
      case 'release-installed':
        return `has installed release ${event.number}`;
      case 'offer-declined':
        return `hears that ${this.#name(event.candidate)} declines (${event.reason})`;
      case 'refused':
        return `refuses ${event.what} from ${this.#name(event.peer)}`;
      case 'reported':
        return `hears from ${this.#name(event.by)} that ${this.#name(event.subject)} lied about ${event.path}`;
      case 'excluded-self':
        return 'learns that it is excluded';
      case 'drained':
        return 'has drained';
      case 'left':
        return 'has left';
      case 'reachability-changed':
        return event.reachable ? 'can be dialled by others' : 'can no longer be dialled';
      case 'child-accepted':
      case 'draining-began':
      case 'release-learned':
        return null;
    }
  }
}
