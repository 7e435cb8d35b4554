/**
 * ns-3 as a yardstick: compiles our workload against it, if it is installed, and runs that.
 *
 * Debian has it as `libns3-dev`; a C++ compiler must be there, too. Where one of them is missing the comparison is left out and
 * the reason given.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { EngineFigures } from './simulator-heartbeats.ts';
import type { Workspace } from './workspace.ts';

const run = promisify(execFile);
/** This module runs from dist/test/bench; the source lies beside its own source. */
const source = fileURLToPath(new URL('../../../test/bench/ns3-heartbeat.cc', import.meta.url));

export type Ns3 = { readonly program: string } | { readonly missing: string };

/** Builds the workload. `missing` says what to install, or what the compiler said. */
export async function buildNs3(workspace: Workspace): Promise<Ns3> {
  const program = join(await workspace.folder(), 'ns3-heartbeat');
  try {
    await run('g++', ['-O3', '-o', program, source, '-lns3-core'], { signal: workspace.signal });
    return { program };
  } catch (error) {
    workspace.signal.throwIfAborted();
    return { missing: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  const { code, stderr = '' } = error as { readonly code?: unknown; readonly stderr?: string };
  if (code === 'ENOENT') return 'g++ is not installed';
  if (stderr.includes('ns3/core-module.h')) return 'ns-3 is not installed (Debian: libns3-dev)';
  return `g++ could not build it: ${stderr.split('\n', 1)[0] ?? ''}`;
}

export async function runNs3(
  program: string,
  peers: number,
  seconds: number,
  workspace: Workspace,
): Promise<EngineFigures> {
  const { stdout } = await run(program, [String(peers), String(seconds)], { signal: workspace.signal });
  return JSON.parse(stdout) as EngineFigures;
}
