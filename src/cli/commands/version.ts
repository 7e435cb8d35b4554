/** `banyan version`. */
import { plan } from '../command.ts';

export const version = plan({
  name: 'version',
  summary: 'which Banyan, which Node',
  description: 'Prints the version of Banyan and of what it runs on.',
  args: [],
  options: {},
  examples: [['banyan version --json', 'for a script']],
  run: async ({ output, adapters }) => {
    const { version: banyan } = adapters;
    const { platform, arch } = process;
    const node = process.versions.node;
    output.result(
      { kind: 'version', banyan, node, platform, arch },
      () => `banyan ${banyan} (Node ${node}, ${platform} ${arch})`,
    );
  },
});
