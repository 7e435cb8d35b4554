/**
 * Putting a peer together: keys and database from its state folder, the network with or without emulated delays, the node.
 *
 * With `main.ts` the only place that knows all the parts; everything else knows ports.
 */
import type { NodeRequest } from './cli/node-request.ts';
import { Emulation } from './network/index.ts';
import { controllerBeatsOf, loadIdentity, startNode } from './host/index.ts';
import type { Node } from './host/index.ts';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { readCharter, readKeyFile } from './service/index.ts';
import type { SigningKey } from './service/index.ts';
import { StateDatabase } from './storage/state-database.ts';

/** Builds and starts the peer that a command asks for. */
export async function assembleNode(request: NodeRequest): Promise<Node> {
  const {
    state: folder,
    part,
    charter,
    invite,
    serving,
    limits,
    listen,
    announce,
    emulation,
    settleBeats,
    logger,
  } = request;
  const state = StateDatabase.open(folder.file('database'));
  try {
    const rootKey = part === 'root' ? await readKeyFile(folder.file('rootKey'), 'root') : null;
    const identity = rootKey === null ? await loadIdentity(folder.path) : null;
    if (identity?.warning !== undefined) logger.warn({ path: identity.path }, identity.warning);
    return await startNode({
      folder: folder.file('content'),
      state,
      privateKey: identity?.privateKey ?? libp2pKeyOf(rootKey as SigningKey),
      rootKey,
      charter: charter === null ? null : readCharter(charter.bytes, request.serviceId),
      invite,
      ownerKeyPath: part === 'root' ? folder.file('ownerKey') : null,
      serving,
      limits,
      listen,
      announce,
      ...(emulation === null ? {} : { emulation: new Emulation(emulation.topology, emulation.node) }),
      ...(settleBeats === undefined ? {} : { controllerBeats: controllerBeatsOf(settleBeats) }),
      logger,
    });
  } catch (error) {
    state.close();
    throw error;
  }
}

/** The root's key is its peer's identity too; libp2p wants the seed and the public key. */
function libp2pKeyOf(key: SigningKey): ReturnType<typeof privateKeyFromRaw> {
  return privateKeyFromRaw(Buffer.concat([key.seed(), Buffer.from(key.publicKey, 'base64url')]));
}
