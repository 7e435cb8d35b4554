#!/usr/bin/env node
/**
 * The composition root: the only place where the command line and the peer it runs know of each other.
 *
 * The peer (libp2p, SQLite and all) is loaded when a command starts one, so that `banyan --help` need not wait for it.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { frontStreams, isInBackground } from './cli/daemon/background.ts';
import { runProgram } from './cli/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Whoever reads our output may leave first (`banyan status | head -1`); that is no error of ours. A command has nobody left to
// work for and ends; a daemon says what it does instead.
let readerGone = (): void => process.exit();
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    readerGone();
  });
}

function whenStarterGone(act: () => void): void {
  process.stdin.once('close', act).resume().unref();
}

const environment = process.env;
const streams = isInBackground(environment)
  ? frontStreams(environment)
  : { stdout: process.stdout, stderr: process.stderr };

process.exitCode = await runProgram(
  process.argv.slice(2),
  {
    version,
    programPath: fileURLToPath(import.meta.url),
    startNode: async (request) => {
      const { assembleNode } = await import('./assembly.ts');
      return await assembleNode(request);
    },
    runDemo: async (request) => {
      const { runDemo } = await import('./cli/demonstration/story.ts');
      return await runDemo(request);
    },
    loadSimulator: async () => await import('../simulator/experiments/index.ts'),
  },
  { environment, ...streams, whenReaderGone: (act) => (readerGone = act), whenStarterGone },
);
// A connection that is still closing must not keep a finished command alive.
setTimeout(() => process.exit(), 3_000).unref();
