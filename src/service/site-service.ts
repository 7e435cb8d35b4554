/** The kind `site` behind the port of service-kind.ts: files from the store, over HTTP. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { blocksOf, type Manifest } from './manifest.ts';
import type { ReleaseStore } from './release-store.ts';
import { ServiceError } from './service-error.ts';
import type { Health, ServiceContext, ServiceEvent, ServiceKind } from './service-kind.ts';
import { Site, siteHandler } from './site.ts';

export class SiteService implements ServiceKind {
  readonly kind = 'site';
  readonly #store: ReleaseStore;
  readonly #serve: (req: IncomingMessage, res: ServerResponse) => void;
  readonly #listeners = new Set<(event: ServiceEvent) => void>();
  #isRunning = false;
  #underWay = 0;
  #whenIdle: (() => void)[] = [];

  constructor(context: ServiceContext) {
    this.#store = context.store;
    this.#serve = siteHandler(new Site(context.store, context.site), context.site);
  }

  async install(manifest: Manifest): Promise<void> {
    const before = this.#store.current;
    await this.#store.install(manifest);
    const health = await this.health();
    if (health.ok) {
      this.#emit({ type: 'installed', release: manifest.release });
      return;
    }
    if (before !== null && before.id !== manifest.id) {
      const { release: to } = await this.#store.rollback();
      this.#emit({ type: 'rolled-back', from: manifest.release, to, reason: health.reason });
    }
    throw new ServiceError('release-incomplete', `Release ${manifest.release} does not run: ${health.reason}`);
  }

  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#emit({ type: 'started' });
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    this.#emit({ type: 'stopped' });
  }

  /** Well when there is a release, nothing of it is known to be missing, and a block of it reads back as it should. */
  async health(): Promise<Health> {
    const { current } = this.#store;
    if (current === null) return { ok: false, reason: 'No release is installed yet.' };
    const front = current.byPath.get('index.html') ?? current.files.find((file) => file.size > 0);
    const block = front === undefined ? undefined : blocksOf(front)[0];
    try {
      if (block !== undefined) await this.#store.readBlock(block);
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
    const missing = this.#store.missing(current).length;
    return missing === 0
      ? { ok: true }
      : { ok: false, reason: `${missing} blocks of release ${current.release} are lost.` };
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    if (!this.#isRunning) {
      res.writeHead(503, { 'retry-after': '1', 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      res.end('This server has stopped serving.\n');
      return;
    }
    this.#underWay += 1;
    res.once('close', () => {
      this.#underWay -= 1;
      if (this.#underWay > 0) return;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
    this.#serve(req, res);
  }

  onEvent(listener: (event: ServiceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: ServiceEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
