/** From the settings about addresses, delays and limits to what a peer is asked to be. */
import { access, readFile } from 'node:fs/promises';
import { findFreePort } from './free-port.ts';
import type { NodeRequest } from '../node-request.ts';
import type { Settings, limitOptions, peerOptions } from '../settings/option.ts';
import { readAddress, toMultiaddr } from '../settings/peer-address.ts';
import type { Session } from '../session.ts';
import type { Gift } from '../state/state-folder.ts';
import { UsageError } from '../words/user-error.ts';

type PeerSettings = Settings<ReturnType<typeof peerOptions>>;

/** Where the peer listens. Ports in use are stepped over, and said, unless the address names one or --strict-port is given. */
export async function addressesOf(
  session: Session,
  settings: PeerSettings,
): Promise<Pick<NodeRequest, 'listen' | 'announce'>> {
  const wanted = settings.listen.length === 0 ? ['0.0.0.0'] : settings.listen;
  const listen: string[] = [];
  for (const text of wanted) {
    const { host, port } = readAddress(text, 'listen');
    const isStrict = settings.strictPort || (port !== null && port !== 0);
    const found = await findFreePort(port ?? settings.peerPort, host, isStrict);
    if (found.steppedOver !== null)
      session.output.note(`Port ${found.steppedOver} is in use; peers are served on port ${found.port}.`);
    listen.push(toMultiaddr(host, found.port));
  }
  const announce = settings.announce.map((text) => {
    const { host, port } = readAddress(text, 'announce');
    const first = /\/tcp\/(\d+)$/.exec(listen[0] ?? '')?.[1];
    const told = port ?? Number(first);
    if (told > 0) return toMultiaddr(host, told);
    throw new UsageError(`--announce: "${text}" names no port, and the port to listen on is left to the system.`, {
      hint: `Write --announce ${text}:<port>, or choose a port.`,
    });
  });
  return { listen, announce };
}

export async function emulationOf(settings: PeerSettings): Promise<NodeRequest['emulation']> {
  const { emulate, emulateNode: node, emulateMeanRtt } = settings;
  if (emulate === null) {
    if (node !== null || emulateMeanRtt !== null)
      throw new UsageError('--emulate-node and --emulate-mean-rtt need --emulate <topology>.');
    return null;
  }
  const { presets, presetTopology, readTopology, scaleToMeanRtt } = await import('../../topology/index.ts');
  const isFile = await access(emulate).then(
    () => true,
    () => false,
  );
  if (!isFile && !presets.has(emulate)) {
    throw new UsageError(`--emulate: "${emulate}" is neither a file nor a ready-made topology.`, {
      hint: `Ready-made are ${[...presets.keys()].join(', ')}; make your own with \`banyan topology generate\`.`,
    });
  }
  const read = isFile ? readTopology(await readFile(emulate, 'utf8')) : presetTopology(emulate);
  const topology = emulateMeanRtt === null ? read : scaleToMeanRtt(read, emulateMeanRtt);
  if (node === null)
    throw new UsageError(
      `--emulate needs --emulate-node: which of its ${topology.size} nodes is this peer (0 to ${topology.size - 1})?`,
    );
  if (node >= topology.size)
    throw new UsageError(`--emulate-node: there is no node ${node}; the topology has nodes 0 to ${topology.size - 1}.`);
  return { topology, node };
}

/** The limits that were given now; where none was, those remembered from the last start. */
export function limitsOf(
  given: ReadonlySet<string>,
  { maxUpload, maxStorage, maxClients }: Settings<typeof limitOptions>,
  remembered: Gift | undefined,
): NodeRequest['limits'] {
  const before = remembered?.limits;
  const choose = (option: string, now: number, then: number | undefined): number =>
    given.has(option) ? now : (then ?? now);
  return {
    uploadBytesPerSecond: choose('max-upload', maxUpload, before?.uploadBytesPerSecond),
    storageBytes: choose('max-storage', maxStorage, before?.storageBytes),
    clients: choose('max-clients', maxClients, before?.clients),
  };
}

/** Whether a volunteer serves: as it was told now, else as it was told the last time. */
export function servingOf(
  given: ReadonlySet<string>,
  { serve, neverServe }: { readonly serve: boolean; readonly neverServe: boolean },
  remembered: Gift | undefined,
): NodeRequest['serving'] {
  if (serve) return 'at-once';
  if (neverServe) return 'never';
  return given.has('serve') || given.has('never-serve') ? 'if-asked' : (remembered?.serving ?? 'if-asked');
}
