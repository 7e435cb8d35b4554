import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { describe, expect, it } from 'vitest';
import {
  AddressBook,
  keyOfPeerId,
  peerIdOfKey,
  unknownSubnet,
  usableAddresses,
} from '../../../src/host/world/address-book.ts';

async function somePeer(): Promise<{ peerId: string; key: Uint8Array }> {
  const key = await generateKeyPair('Ed25519');
  return { peerId: peerIdFromPrivateKey(key).toString(), key: key.publicKey.raw };
}

describe('the address book', () => {
  it('turns peer ids into keys and back', async () => {
    for (let index = 0; index < 20; index += 1) {
      const { peerId, key } = await somePeer();
      expect(Buffer.from(keyOfPeerId(peerId)).equals(key)).toBe(true);
      expect(peerIdOfKey(key)).toBe(peerId);
    }
  });

  it('refuses what is no Ed25519 peer id or key', async () => {
    const other = peerIdFromPrivateKey(await generateKeyPair('secp256k1')).toString();
    expect(() => keyOfPeerId(other)).toThrow(`The peer id ${other} is of a kind of key other than Ed25519`);
    expect(() => keyOfPeerId('nobody')).toThrow("'nobody' is not a peer id");
    expect(() => peerIdOfKey(new Uint8Array(31))).toThrow('has 32 bytes, this has 31');
    expect(() => new AddressBook().peerIdOf(0 as never)).toThrow('no peer has the handle 0');
  });

  it('tells at most 512 bytes of addresses of a peer, the best first, and goes on past one that does not fit', async () => {
    const book = new AddressBook();
    const handle = book.handleOfPeer((await somePeer()).peerId);
    const long = ['a', 'b', 'c'].map((name) => `/dns4/${name.repeat(180)}/tcp/4747`);
    book.confirm(handle, [...long, '/ip4/192.0.2.1/tcp/4747']);
    expect(book.addressesOf(handle)).toEqual([long[0], long[1], '/ip4/192.0.2.1/tcp/4747']);
  });

  it('gives a peer one handle, whichever way it is named', async () => {
    const book = new AddressBook();
    const [one, two] = [await somePeer(), await somePeer()];
    const handle = book.handleOfPeer(one.peerId);
    expect([handle, book.handleOf(one.key), book.handleOfPeer(one.peerId)]).toEqual([0, 0, 0]);
    expect([book.handleOf(two.key), book.handleOfPeer(two.peerId)]).toEqual([1, 1]);
    expect([book.peerIdOf(handle), Buffer.from(book.keyOf(handle)).equals(one.key)]).toEqual([one.peerId, true]);
  });

  it('keeps the last eight addresses it heard of, the newest first', async () => {
    const book = new AddressBook();
    const handle = book.handleOf((await somePeer()).key, ['/ip4/203.0.113.1/tcp/1', '/ip4/203.0.113.1/tcp/2']);
    for (let port = 3; port <= 10; port += 1) book.learn(handle, [`/ip4/203.0.113.1/tcp/${port}`]);
    book.learn(handle, ['/ip4/203.0.113.1/tcp/5']);
    expect(book.addressesOf(handle).map((address) => Number(address.split('/').at(-1)))).toEqual([
      5, 10, 9, 8, 7, 6, 4, 3,
    ]);
  });

  it('does not let hearsay push out what is confirmed', async () => {
    const book = new AddressBook();
    const handle = book.handleOf((await somePeer()).key);
    book.learn(handle, ['/ip4/203.0.113.1/tcp/1']);
    book.confirm(handle, ['/ip4/203.0.113.1/tcp/2']);
    book.learn(
      handle,
      Array.from({ length: 20 }, (_, index) => `/ip4/198.51.100.1/tcp/${index + 1}`),
    );
    expect(book.addressesOf(handle)).toHaveLength(8);
    expect(book.addressesOf(handle)[0]).toBe('/ip4/203.0.113.1/tcp/2');
    book.replace(handle, ['/ip4/203.0.113.1/tcp/3']);
    expect(book.addressesOf(handle)).toEqual(['/ip4/203.0.113.1/tcp/3']);
  });

  it('tells who waits for a first address, or that none came', async () => {
    const book = new AddressBook();
    const handle = book.handleOf((await somePeer()).key);
    expect(await book.whenKnown(handle, 10)).toEqual([]);
    const waiting = book.whenKnown(handle, 60_000);
    book.learn(handle, ['nonsense']);
    book.learn(handle, ['/ip4/203.0.113.1/tcp/1']);
    expect(await waiting).toEqual(['/ip4/203.0.113.1/tcp/1']);
    expect(await book.whenKnown(handle, 60_000)).toEqual(['/ip4/203.0.113.1/tcp/1']);
  });

  it('knows the neighbourhood of an address, and says so when it does not', async () => {
    const book = new AddressBook();
    const handle = book.handleOf((await somePeer()).key);
    expect(book.subnetOf(handle)).toBe(unknownSubnet);
    book.learn(handle, ['/dns4/example.org/tcp/1']);
    expect(book.subnetOf(handle)).toBe(unknownSubnet);
    book.learn(handle, ['/ip4/203.0.113.1/tcp/1']);
    expect(book.subnetOf(handle)).toBe(203 * 256);
  });
});

describe('usable addresses', () => {
  it('are TCP at an address or a name, each once, without the peer’s own id', async () => {
    const [{ peerId }, other] = [await somePeer(), await somePeer()];
    const given = [
      `/ip4/203.0.113.1/tcp/4001/p2p/${peerId}`,
      '/ip4/203.0.113.1/tcp/4001',
      '/ip6/2001:db8::1/tcp/4001',
      '/dns4/example.org/tcp/4001',
      `/ip4/203.0.113.2/tcp/4001/p2p/${other.peerId}`,
      `/ip4/203.0.113.2/tcp/4001/p2p/${other.peerId}/p2p-circuit`,
      '/ip4/203.0.113.1/udp/4001/quic-v1',
      '/ip4/203.0.113.1/tcp/4001/ws',
      '/ip4/203.0.113.1/tcp/0',
      '/ip4/0.0.0.0/tcp/4001',
      '/ip4/224.0.0.1/tcp/4001',
      '/ip6/::/tcp/4001',
      '/ip6/ff02::1/tcp/4001',
      '/unix/%2Ftmp%2Fsocket',
      `/p2p/${peerId}`,
      '/ip4/999.0.0.1/tcp/4001',
      'http://example.org',
      '',
    ];
    expect(usableAddresses(peerId, given)).toEqual([
      '/ip4/203.0.113.1/tcp/4001',
      '/ip6/2001:db8::1/tcp/4001',
      '/dns4/example.org/tcp/4001',
    ]);
  });

  it('are loopback ones only where there is nothing else', async () => {
    const { peerId } = await somePeer();
    const local = ['/ip4/127.0.0.1/tcp/1', '/ip6/::1/tcp/1', '/dns4/localhost/tcp/1'];
    expect(usableAddresses(peerId, local)).toEqual(local);
    expect(usableAddresses(peerId, [...local, '/ip4/192.168.1.2/tcp/1'])).toEqual(['/ip4/192.168.1.2/tcp/1']);
  });
});
