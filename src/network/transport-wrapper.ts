/**
 * A transport put around another one, to get at the raw connections before they are encrypted.
 *
 * libp2p hands every transport an *upgrader*: the raw connection goes in, an encrypted and multiplexed one comes out.
 * The wrapper gives the inner transport an upgrader of its own, which shows the raw connection to a function first and
 * upgrades what the function returns. Counting bytes and emulating distance are both built on it, and stack.
 */
import './polyfill.ts';
import { transportSymbol } from '@libp2p/interface';
import type { CreateListenerOptions, DialTransportOptions, Listener, MultiaddrConnection } from '@libp2p/interface';
import type { Connection, Transport, Upgrader } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';

/** What libp2p's `transports: [...]` takes: it is called with the node's components. */
export type TransportFactory<Components> = (components: Components) => Transport;

/** Is shown a raw connection and returns the one to upgrade; a rejection closes the connection. */
export type ConnectionWrapper = (
  connection: MultiaddrConnection,
  signal: AbortSignal,
) => MultiaddrConnection | Promise<MultiaddrConnection>;

/** Wraps a transport factory such as `tcp()`; the result goes wherever the original did. */
export function wrapTransport<Components>(
  inner: TransportFactory<Components>,
  wrapper: ConnectionWrapper,
): TransportFactory<Components> {
  return (components) => new WrappedTransport(inner(components), wrapper);
}

class WrappedTransport implements Transport {
  readonly [transportSymbol] = true;
  readonly #inner: Transport;
  readonly #wrapper: ConnectionWrapper;

  constructor(inner: Transport, wrapper: ConnectionWrapper) {
    this.#inner = inner;
    this.#wrapper = wrapper;
  }

  get [Symbol.toStringTag](): string {
    return this.#inner[Symbol.toStringTag];
  }

  async dial(address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    return await this.#inner.dial(address, { ...options, upgrader: this.#intercept(options.upgrader) });
  }

  createListener(options: CreateListenerOptions): Listener {
    return this.#inner.createListener({ ...options, upgrader: this.#intercept(options.upgrader) });
  }

  listenFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#inner.listenFilter(addresses);
  }

  dialFilter(addresses: Multiaddr[]): Multiaddr[] {
    return this.#inner.dialFilter(addresses);
  }

  #intercept(upgrader: Upgrader): Upgrader {
    const wrapper = this.#wrapper;
    return {
      upgradeOutbound: async (connection, options) =>
        await upgrader.upgradeOutbound(await wrapper(connection, options.signal), options),
      upgradeInbound: async (connection, options) => {
        await upgrader.upgradeInbound(await wrapper(connection, options.signal), options);
      },
      createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
      getStreamMuxers: () => upgrader.getStreamMuxers(),
      getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    };
  }
}
