/** A peer of which only the outside is there: for what stands around a peer and must not care which one it is. */
import type { FarmNode, NodeStatus } from '../../src/host/farm-node.ts';
import { Happenings } from '../../src/host/happenings.ts';

export const someStatus: NodeStatus = {
  service: { id: 'a'.repeat(32), name: 'my-site' },
  peerId: '12D3KooWG752GqEDaybxDTHNEdBXf7HKXUjuhuBQL82fTt1PRz6R',
  addresses: ['/ip4/127.0.0.1/tcp/4747/p2p/12D3KooWG752GqEDaybxDTHNEdBXf7HKXUjuhuBQL82fTt1PRz6R'],
  role: 'client',
  draining: false,
  full: false,
  attached: true,
  parent: '12D3KooWLaYuMrxetKxQSARcBakpgQ8JfhZNKyYTZ4fWhoBeQkCw',
  depth: 1,
  server: '12D3KooWLaYuMrxetKxQSARcBakpgQ8JfhZNKyYTZ4fWhoBeQkCw',
  serverChildren: [],
  clientChildren: [],
  subtreeSize: 1,
  servers: [],
  release: { installed: 1, latest: 1, installing: null },
  reachable: true,
  requestsServed: 0,
  bytesServed: 0,
  servingSeconds: 0,
  uptimeSeconds: 5,
  quality: { requirement: null, policy: 'balanced', margin: 'lean', latest: null, lastAction: null },
  limits: null,
  problems: [],
};

export function inTestNode(parts: Partial<FarmNode> = {}): FarmNode {
  return {
    happenings: new Happenings((sentence) => {
      throw new Error(sentence);
    }),
    status: () => someStatus,
    invite: ({ expiresInSeconds, uses }) => ({
      link: 'banyan:test',
      expiresAtMs: expiresInSeconds,
      uses,
      loopbackOnly: true,
    }),
    update: async () => ({ number: 2, files: 1, bytes: 10, changed: true, leftOut: [] }),
    explain: () => [],
    volunteer: () => undefined,
    drain: async () => undefined,
    leave: async () => undefined,
    proxy: (_, response) => void response.end('hello'),
    stop: async () => undefined,
    ...parts,
  };
}
