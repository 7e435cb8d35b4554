/**
 * A peer that keeps to the wire format and to nothing else: a real node on loopback that says what a test tells it to.
 *
 * It has an address book of its own, signs with real keys, and remembers what it was answered and when it was cut off.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { MemberRecord, Message, PeerHandle, Unsigned } from '../../src/core/index.ts';
import { AddressBook } from '../../src/host/world/address-book.ts';
import type { Network } from '../../src/network/index.ts';
import { decode, encode, statementBytes } from '../../src/wire/index.ts';
import { startNetwork } from '../network/test-network.ts';
import type { FarmPeer } from '../e2e/farm-peer.ts';
import { until } from '../patience.ts';

type MessageOf<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

const standing = { charter: 1, epoch: 1, term: 1 };
export const somewhere = { x: 0, y: 0, z: 0, height: 1, error: 0.5 };

export class Attacker {
  readonly network: Network;
  readonly book = new AddressBook();
  readonly target: PeerHandle;
  readonly heard: Message[] = [];
  /** How often the target closed the connection. */
  cutOff = 0;
  readonly #targetId: string;
  readonly #serviceId: string;
  #nonce = 0;

  /** A stranger that knows where the target is, and says that it is itself at `announce`. */
  static async against(target: FarmPeer, announce?: readonly string[]): Promise<Attacker> {
    const network = await startNetwork(announce === undefined ? {} : { announce });
    const { service, addresses } = await target.status();
    return new Attacker(network, target.id, service.id, addresses);
  }

  private constructor(network: Network, targetId: string, serviceId: string, addresses: readonly string[]) {
    this.network = network;
    this.#targetId = targetId;
    this.#serviceId = serviceId;
    this.target = this.book.handleOfPeer(targetId);
    network.learn(targetId, addresses);
    network.on('message', (_, bytes) => {
      const decoded = decode(bytes, this.book);
      if (decoded.type === 'message') this.heard.push(decoded.message);
    });
    network.on('disconnected', () => this.cutOff++);
  }

  get self(): PeerHandle {
    return this.book.handleOfPeer(this.network.peerId);
  }

  say(...messages: readonly Message[]): void {
    for (const message of messages) this.network.send(this.#targetId, encode(message, this.book));
  }

  /** Names this many peers that nobody has heard of, in messages that a stranger may say. */
  nameUnknown(count: number): void {
    const perMessage = 256;
    for (let named = 0; named < count; named += perMessage) {
      // A book of its own would be most of the work.
      const keys = Array.from({ length: perMessage }, () => randomBytes(32));
      const names = {
        keyOf: (handle: PeerHandle): Uint8Array => keys[handle] ?? new Uint8Array(32),
        addressesOf: () => [],
      };
      const candidates = keys.map((_, i) => ({ peer: i as PeerHandle, coordinate: somewhere, rttMs: 1 }));
      const message: Message = { kind: 'redirect', tree: 'clients', nonce: 1, reason: 'no-room', candidates };
      this.network.send(this.#targetId, encode(message, names));
    }
  }

  heardOf<Kind extends Message['kind']>(kind: Kind): MessageOf<Kind>[] {
    return this.heard.filter((message): message is MessageOf<Kind> => message.kind === kind);
  }

  /** Until the target has read all that was said before: it answers a ping. */
  async untilRead(): Promise<void> {
    const nonce = ++this.#nonce;
    this.say({ kind: 'ping', nonce });
    await until('the target has answered', () => this.heardOf('pong').some((pong) => pong.nonce === nonce));
  }

  /** Takes a place in the tree of servers below the target, as only an order should allow. */
  async intrude(): Promise<MessageOf<'accept'>> {
    this.say({
      kind: 'join',
      tree: 'servers',
      nonce: ++this.#nonce,
      orphan: true,
      hasChildren: false,
      passed: null,
      passedDepth: 0,
      coordinate: somewhere,
      rttMs: 1,
      reachable: true,
      incarnation: 1,
      credential: new Uint8Array(0),
    });
    return await until('it is a child', () => this.heardOf('accept').at(-1));
  }

  /** A heartbeat to the parent, which makes it stay. */
  beat(tree: 'servers' | 'clients', rest: Partial<MessageOf<'heartbeat-up'>> = {}): void {
    this.say({
      kind: 'heartbeat-up',
      tree,
      echo: 0,
      heldMs: 0,
      coordinate: somewhere,
      reachable: true,
      size: 1,
      height: 0,
      rosterVersion: 1,
      deltas: [],
      membershipDigest: 0,
      castDigest: 0,
      ...rest,
    });
  }

  /** The record of a server that is not there, which it signed itself. */
  inventedServer(addresses: readonly string[] = []): MemberRecord {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const subject = this.book.handleOf(rawKeyOf(publicKey), addresses);
    const unsigned: Unsigned<MemberRecord> = {
      type: 'member',
      subject,
      incarnation: Math.floor(Date.now() / 100),
      state: 'serving',
      parent: this.target,
      coordinate: somewhere,
      full: false,
      issuer: subject,
      standing,
    };
    const bytes = statementBytes(Buffer.from(this.#serviceId), unsigned, this.book);
    return { ...unsigned, signature: sign(null, bytes, privateKey) } as MemberRecord;
  }

  /** The record of a server under a key that nobody holds, with a signature that is none. */
  forgedRecord(): MemberRecord {
    const subject = this.book.handleOf(randomBytes(32));
    const incarnation = Math.floor(Date.now() / 100);
    return {
      type: 'member',
      subject,
      incarnation,
      state: 'serving',
      parent: this.target,
      coordinate: somewhere,
      full: false,
      issuer: subject,
      standing,
      signature: randomBytes(64),
    };
  }
}

function rawKeyOf(publicKey: KeyObject): Uint8Array {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
}
