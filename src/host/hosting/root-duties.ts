/**
 * What only the root of a service does: lets people in, publishes releases, and bars servers that lie.
 */
import type { PeerHandle } from '../../core/index.ts';
import { createToken, formatInvite, publishFolder, readKeyFile } from '../../service/index.ts';
import type { AddressBook } from '../world/address-book.ts';
import { examine } from '../reading/examiner.ts';
import type { Invitation, InviteOptions, Progress, UpdateResult } from '../farm-node.ts';
import type { Hosting, HostingParts } from './hosting.ts';
import type { HttpClient } from '../../network/index.ts';
import { NodeError } from '../node-error.ts';

export interface RootDutiesParts extends HostingParts {
  readonly book: AddressBook;
  readonly http: HttpClient;
  readonly hosting: Hosting;
}

/** So many of the files that were left out of a release are told by name. */
const mostLeftOut = 100;

/** Reported servers that are looked at in one go; reports of others wait for no one: their readers report again. */
const mostExaminations = 4;

export class RootDuties {
  readonly #parts: RootDutiesParts;
  /** Servers that are being looked at. */
  readonly #examined = new Set<PeerHandle>();

  constructor(parts: RootDutiesParts) {
    this.#parts = parts;
  }

  /** @throws NodeError when this peer is not the root */
  invite({ expiresInSeconds, uses }: InviteOptions): Invitation {
    this.#requireRoot('make invites');
    const { charter, network, options } = this.#parts;
    const expiresAtMs = expiresInSeconds === null ? null : Date.now() + expiresInSeconds * 1000;
    const { admission, serviceId, name } = charter;
    const limited = admission === 'invited' || expiresAtMs !== null || uses !== null;
    const made = limited ? createToken({ nowMs: Date.now(), expiresAtMs, maxUses: uses }) : null;
    if (made !== null) options.state.tokens.add(made.record);
    const addresses = network.addresses();
    const link = formatInvite({ serviceId, name, addresses, token: made?.token ?? null, expiresAtMs });
    return {
      link,
      expiresAtMs,
      uses,
      loopbackOnly: addresses.every((address) => /^\/ip4\/127\.|^\/ip6\/::1\//.test(address)),
    };
  }

  /** @throws NodeError when this peer is not the root, ServiceError when the folder cannot be published */
  async update(folder: string, progress: (step: Progress) => void): Promise<UpdateResult> {
    this.#requireRoot('publish releases');
    const { options, charter, hosting, accepted } = this.#parts;
    const { store } = hosting;
    if (options.ownerKeyPath === null || store === null)
      throw new NodeError('no-owner-key', 'This peer does not know where the owner key lies.');
    const ownerKey = await readKeyFile(options.ownerKeyPath, 'owner');
    const { manifest, isNew, ignored } = await publishFolder({
      folder,
      store,
      ownerKey,
      standing: { ...this.#parts.host.peer.state.ctx.authority.standing, charter: charter.number },
      nowMs: Date.now(),
      onProgress: ({ bytesDone, bytesTotal }) => progress({ step: 'hashing', done: bytesDone, total: bytesTotal }),
    });
    accepted(manifest);
    if (isNew || this.#parts.host.peer.state.releases.latest === null)
      this.announce(manifest.release, manifest.id, manifest.totalBytes);
    return {
      number: manifest.release,
      files: manifest.files.length,
      bytes: manifest.totalBytes,
      changed: isNew,
      leftOut: ignored.slice(0, mostLeftOut),
    };
  }

  /** Tells the farm of a release that lies here. */
  announce(release: number, id: string, bytes: number): void {
    this.#parts.host.turn((peer, nowMs) => peer.publish(nowMs, release, Buffer.from(id, 'hex'), bytes));
    this.#parts.hosting.startServing();
  }

  /** A reader says that a server lies. Looks for itself before it acts: at known servers only, at each by one request at a time. */
  async examine(subject: PeerHandle, path: string): Promise<void> {
    const { hosting, book, http, reachable, problems, options } = this.#parts;
    const manifest = hosting.current;
    if (manifest === null || !this.#mayExamine(subject)) return;
    this.#examined.add(subject);
    const server = book.peerIdOf(subject);
    try {
      const lie = await examine(http, reachable(subject), path, manifest);
      if (lie === null) return;
      problems.say(
        'liar',
        `Server ${server} was barred: it served ${path} with bytes that are not the owner's (${lie}).`,
      );
      this.#parts.host.turn((peer, nowMs) => peer.exclude(nowMs, subject));
    } catch (error) {
      options.logger.debug({ server, path, reason: String(error) }, 'a reported server could not be examined');
    } finally {
      this.#examined.delete(subject);
    }
  }

  #mayExamine(subject: PeerHandle): boolean {
    if (this.#examined.has(subject) || this.#examined.size >= mostExaminations) return false;
    const state = this.#parts.host.peer.state.membership.get(subject)?.state;
    return state === 'serving' || state === 'draining';
  }

  /** Takes no more connections from a peer, after it has been told why. */
  async bar(subject: PeerHandle): Promise<void> {
    const { network, book } = this.#parts;
    const peerId = book.peerIdOf(subject);
    try {
      await network.disconnect(peerId);
    } finally {
      network.deny(peerId);
    }
  }

  #requireRoot(what: string): void {
    const { charter, network } = this.#parts;
    if (charter.rootPeerId !== network.peerId)
      throw new NodeError('not-root', `Only the root can ${what}; this peer is a volunteer of ${charter.name}.`);
  }
}
