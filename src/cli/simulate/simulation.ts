/**
 * What the command line asks of the simulator: the port between the two. `main.ts` puts the simulator behind it, and loads it when a
 * command simulates; what the simulator found passes through here unread.
 */

export interface SimulationFindings {
  /** The one object of `--json`. */
  readonly result: unknown;
  /** Tables and charts, as the simulator's own reports know them. */
  readonly tables: readonly unknown[];
  readonly charts: readonly unknown[];
  /** Something that must not be was found: the command fails. */
  readonly failed?: boolean;
}

export interface SimulationProgress {
  step(done: number, total: number, note?: string): void;
}

export interface Simulator {
  /** The experiments that there are. */
  readonly experimentNames: readonly string[];
  /** Rejects with the signal's reason when it is given up. */
  runExperiment(
    name: string,
    options: object,
    progress: SimulationProgress,
    signal: AbortSignal,
  ): Promise<SimulationFindings>;
  findingsText(findings: SimulationFindings): string;
  /** Makes sure that a report can be written there. */
  prepareFolder(folder: string): Promise<void>;
  /** Returns the names of the files. */
  writeReport(
    folder: string,
    content: SimulationFindings & {
      readonly title: string;
      readonly summary: string;
      readonly command: string;
      readonly program: string;
    },
    signal: AbortSignal,
  ): Promise<readonly string[]>;
}
