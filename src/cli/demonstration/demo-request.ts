/** What the demonstration is asked for: the port between its command line and what it shows. */
export interface DemoRequest {
  /** Ends by itself after this many seconds; null = stays until Ctrl-C. */
  readonly seconds: number | null;
  readonly json: boolean;
  readonly volunteers: number;
  readonly port: number;
}
