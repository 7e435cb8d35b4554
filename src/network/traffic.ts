/**
 * Counts every byte on a node's sockets: payload, headers, encryption, handshakes, prelude, all of it.
 *
 * The kernel's view is the honest one, so nothing is measured on the way: each TCP socket knows what it has read and
 * written, and a `Traffic` adds up its sockets when asked. That costs a connection nothing while it runs. It works
 * with any libp2p node, ours or another (`transports: [countingTransport(tcp(), traffic)]`).
 */
import { Socket } from 'node:net';
import type { MultiaddrConnection } from '@libp2p/interface';
import { wrapTransport, type TransportFactory } from './transport-wrapper.ts';

/** Bytes since the start, and how many connections carried them. */
export interface TrafficCount {
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Connections open now. */
  readonly connections: number;
  /** Connections ever opened, those that failed their handshake included. */
  readonly connectionsOpened: number;
}

export class Traffic {
  readonly #open = new Set<Socket>();
  #closedBytesIn = 0;
  #closedBytesOut = 0;
  #connectionsOpened = 0;

  /**
   * Counts a raw TCP connection from now to its end.
   * @throws TypeError when the connection has no TCP socket of Node below it
   */
  watch(connection: MultiaddrConnection): void {
    const socket = 'socket' in connection ? connection.socket : undefined;
    if (!(socket instanceof Socket)) {
      throw new TypeError(
        `Cannot count the bytes of a connection to ${connection.remoteAddr.toString()}: it shows no TCP socket. ` +
          'Put the counting transport directly around @libp2p/tcp.',
      );
    }
    this.#connectionsOpened += 1;
    if (socket.destroyed) {
      this.#settle(socket);
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#settle(socket);
    });
  }

  count(): TrafficCount {
    let bytesIn = this.#closedBytesIn;
    let bytesOut = this.#closedBytesOut;
    for (const socket of this.#open) {
      bytesIn += socket.bytesRead;
      bytesOut += socket.bytesWritten;
    }
    return { bytesIn, bytesOut, connections: this.#open.size, connectionsOpened: this.#connectionsOpened };
  }

  #settle(socket: Socket): void {
    this.#closedBytesIn += socket.bytesRead;
    this.#closedBytesOut += socket.bytesWritten;
  }
}

/** Puts a `Traffic` around `tcp()`. With emulation, emulation goes outside: `emulation.transport(countingTransport(…))`. */
export function countingTransport<Components>(
  inner: TransportFactory<Components>,
  traffic: Traffic,
): TransportFactory<Components> {
  return wrapTransport(inner, (connection) => {
    traffic.watch(connection);
    return connection;
  });
}
