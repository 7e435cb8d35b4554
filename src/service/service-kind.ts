/**
 * What the rest of Banyan knows of a service: five verbs and its events.
 *
 * Whether a server hands out files, runs a program or computes jobs is its own business; the farm installs releases,
 * starts, stops, asks how it is, and listens. The kinds that exist
 * are listed in service-registry.ts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Manifest } from './manifest.ts';
import type { ReleaseStore } from './release-store.ts';
import type { SiteHooks, SiteOptions } from './site.ts';

export type Health = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export type ServiceEvent =
  | { readonly type: 'installed'; readonly release: number }
  | { readonly type: 'rolled-back'; readonly from: number; readonly to: number; readonly reason: string }
  | { readonly type: 'started' }
  | { readonly type: 'stopped' };

export interface ServiceKind {
  readonly kind: string;
  /** Switches to a release whose blocks are in the store. If it does not run, goes back to the old one and throws. */
  install(manifest: Manifest): Promise<void>;
  start(): Promise<void>;
  /** Takes no new requests, and resolves when those under way are done. */
  stop(): Promise<void>;
  health(): Promise<Health>;
  /** Answers one request of the data plane. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Listens; the function returned ends that. */
  onEvent(listener: (event: ServiceEvent) => void): () => void;
}

export interface ServiceContext {
  readonly store: ReleaseStore;
  readonly site?: SiteOptions & SiteHooks;
}
