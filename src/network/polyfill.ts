/**
 * What Node 20 lacks and libp2p 3 needs: `Promise.withResolvers`. Without it a dial ends in `ECONNRESET` or a TypeError.
 *
 * Every module that imports libp2p imports this one first. It goes away together with Node 20.
 */
import 'core-js/actual/promise/with-resolvers.js';
