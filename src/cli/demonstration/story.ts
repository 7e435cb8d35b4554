/**
 * The first minute: a farm comes alive before your eyes.
 *
 * A root, users and volunteers, each a process of its own, with the delays of a world between them. The users wait; the root,
 * which is to keep a requirement, makes servers of volunteers where that helps most; the users wait less. Then what happens in real
 * life: a new release, an attack on the busiest servers, from which the farm recovers by itself, and one that leaves politely.
 * Nobody's request fails. Then it stays for you to look at.
 */
import { join } from 'node:path';
import { Board } from './board.ts';
import type { Figures } from './board.ts';
import type { FarmProcess } from './farm-process.ts';
import { makeDemoFolder } from './demo-folder.ts';
import type { DemoRequest } from './demo-request.ts';
import { buildDemoSite } from './demo-site.ts';
import { DecisionTeller } from './decision-teller.ts';
import { Ensemble, requiredMs } from './ensemble.ts';
import { Visitors } from './visitors.ts';

/** The window over which delays are compared at the beginning and at the end, ms. */
const windowMs = 10_000;
/** When things happen, after the first request, ms; and how much of the time given they take when it is short. */
const acts = { invite: 3_500, update: 14_000, attack: 19_000, drain: 26_500 } as const;
const actsNeedMs = 34_000;
/** Attack and drain wait until the requirement is met: at most this much longer, and only when there is time, ms. */
const longerMs = 60_000;
/** The attack waits at most this long for a server, ms. It kills this many at once when there are more. */
const attackWithinMs = 5_000;
const victimsAtOnce = 2;
/** A round read within this time after the attack was measured before it, ms. */
const shockMs = 2_500;
const tableEveryMs = 1_000;
const lookEveryMs = 100;
const decisionsEveryMs = 400;
const stopGraceMs = 4_000;
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A killed volunteer comes back after this long, as people's machines do, ms. */
const comesBackAfterMs = 12_000;

export async function runDemo(request: DemoRequest): Promise<number> {
  const script = process.argv[1];
  if (script === undefined) throw new Error('the demonstration needs to know the program it is part of');
  const folder = await makeDemoFolder();
  const story = new Story(request, folder.path, script);
  const stop = (): void => story.end();
  // Whatever ends this process, the farm must not outlive it.
  const leaveNobody = (): void => story.killAll();
  for (const signal of endSignals) process.on(signal, stop);
  process.on('exit', leaveNobody);
  try {
    return await story.tell();
  } finally {
    await story.close();
    await folder.remove();
    for (const signal of endSignals) process.off(signal, stop);
    process.off('exit', leaveNobody);
  }
}

class Story {
  readonly #request: DemoRequest;
  readonly #folder: string;
  readonly #ensemble: Ensemble;
  readonly #board: Board;
  #visitors = new Visitors([]);
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => {};
  #isEnding = false;
  /** The end has come, by time or by request. */
  #isOver = false;
  #startedAtMs = 0;
  #releases = 0;
  #kills = 0;
  #trouble: string | null = null;
  #url: string | null = null;
  /** From the attack until the requirement was found met again, ms; null before. */
  #recoveryMs: number | null = null;
  readonly #teller = new DecisionTeller((peerId) => this.#ensemble.cityOf(peerId));
  /** Work that goes on beside the story. */
  readonly #later: Promise<void>[] = [];

  constructor(request: DemoRequest, folder: string, script: string) {
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#request = request;
    this.#folder = folder;
    this.#board = new Board(request.json ? process.stderr : process.stdout);
    const site = join(folder, 'site-1');
    this.#ensemble = new Ensemble({ folder, site, volunteers: request.volunteers, port: request.port, script });
  }

  end(): void {
    if (this.#isEnding) {
      this.#board.say('Ending at once.');
      process.exit(130);
    }
    this.#isEnding = true;
    this.#board.say('Ending: every process of the farm is told to stop.');
    this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#resolveEnded();
  }

  async tell(): Promise<number> {
    const { seconds, json } = this.#request;
    const pages = await buildDemoSite(join(this.#folder, 'site-1'), 'first edition');
    this.#startedAtMs = performance.now();
    const timer = seconds === null ? undefined : setTimeout(() => this.#finish(), seconds * 1000);
    try {
      await this.#untilEnd(this.#raise(pages));
      await this.#untilEnd(this.#play());
      if (!this.#isEnding && seconds === null)
        this.#board.say('That was the story. The farm stays up for you to look at.');
      await this.#ended;
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.#board.say(`The demonstration failed: ${this.#trouble}`);
    } finally {
      clearTimeout(timer);
    }
    const figures = await this.#figures();
    const serving = await this.#servers();
    await this.#visitors.end();
    this.#board.print(figures);
    if (json) process.stdout.write(`${JSON.stringify(this.#summary(serving))}\n`);
    return this.#trouble === null ? 0 : 1;
  }

  killAll(): void {
    for (const process of this.#ensemble.all()) process.killNow();
  }

  async close(): Promise<void> {
    this.#finish();
    await Promise.all(this.#ensemble.all().map((process) => process.stop(stopGraceMs)));
    await Promise.all(this.#later);
  }

  /** Runs until done, or until the end has come. */
  async #untilEnd(work: Promise<void>): Promise<void> {
    if (this.#isOver) return;
    await Promise.race([this.#unlessOver(work), this.#ended]);
  }

  /** What fails after the end has come fails because of it. */
  async #unlessOver(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!this.#isOver) throw error;
    }
  }

  /** The root and the users: up and talking. */
  async #raise(pages: readonly string[]): Promise<void> {
    const { root } = this.#ensemble;
    const { invite } = await root.start();
    if (invite === undefined) throw new Error('the root gave no invite');
    this.#releases = 1;
    this.#board.say(`The root is up in ${root.name}, serving these docs: ${pages.length} pages.`);
    this.#ensemble.castVolunteers(invite);
    this.#ensemble.castUsers(invite);
    const { users } = this.#ensemble;
    await Promise.all(users.map((user) => user.start()));
    await Promise.all(users.map((user) => this.#untilJoined(user)));
    this.#visitors = new Visitors(pages);
    this.#visitors.onFailure = (sentence) => this.#board.say(`A request failed: ${sentence}`);
    for (const user of users) this.#visitors.send(user.ready?.url ?? '');
    this.#url = users[0]?.ready?.url ?? null;
    if (this.#request.port !== 0 && this.#url !== null && new URL(this.#url).port !== String(this.#request.port)) {
      this.#board.say(`Port ${this.#request.port} is in use; the site is at ${this.#url} instead.`);
    }
    this.#board.say(
      `Users in ${users.map(({ name }) => name).join(', ')} read the site, all from ${root.name}. Look for yourself: ${this.#url}`,
    );
    this.#board.say(
      `The owner requires a mean response delay of at most ${requiredMs} ms, over all peers. Nobody says where the servers must be.`,
    );
    this.#later.push(this.#unlessOver(this.#keepTable()), this.#unlessOver(this.#tellDecisions()));
  }

  /** The volunteers: in, willing, and not asked by anybody but the root. */
  async #invite(): Promise<void> {
    const { volunteers } = this.#ensemble;
    for (const volunteer of volunteers) volunteer.onUnexpectedEnd = (sentence) => this.#board.say(sentence);
    await Promise.all(volunteers.map((volunteer) => volunteer.start()));
    this.#board.say(
      `${volunteers.length} volunteers have joined by invite, each a process of its own, ` +
        `willing to serve: ${volunteers.map(({ name }) => name).join(', ')}.`,
    );
  }

  /** Says what the root decides, as it does. */
  async #tellDecisions(): Promise<void> {
    while (await this.#waitUntil(performance.now() + decisionsEveryMs)) {
      const entries = await this.#ensemble.root.ask('explain', { about: null, last: 20 });
      for (const sentence of this.#teller.newsOf(entries)) this.#board.say(sentence);
    }
  }

  /** True when the requirement was found met after `sinceMs` (since 1970); false when the end, or `byMs` (monotonic), came first. */
  async #untilMet(sinceMs: number, byMs: number): Promise<boolean> {
    while (!(this.#teller.metAtMs > sinceMs)) {
      if (performance.now() >= byMs || !(await this.#waitUntil(performance.now() + lookEveryMs))) return false;
    }
    return true;
  }

  /** A reader that is up still has to find its place in the farm. */
  async #untilJoined(user: FarmProcess): Promise<void> {
    for (;;) {
      const status = await user.status();
      if (status?.attached === true && status.servers.length > 0) return;
      if (!(await this.#waitUntil(performance.now() + lookEveryMs))) return;
    }
  }

  /** What happens, at its time. */
  async #play(): Promise<void> {
    const beganAtMs = performance.now();
    const { seconds } = this.#request;
    const leftMs = seconds === null ? Number.POSITIVE_INFINITY : seconds * 1000 - (beganAtMs - this.#startedAtMs);
    const pace = Math.min(1, leftMs / actsNeedMs);
    const at = async (actMs: number): Promise<boolean> => await this.#waitUntil(beganAtMs + actMs * pace);

    if (!(await at(acts.invite))) return;
    await this.#invite();
    if (!(await at(acts.update))) return;
    await this.#update();
    const spareMs = Math.min(longerMs, Math.max(0, leftMs - actsNeedMs));
    const by = (actMs: number): number => beganAtMs + actMs * pace + spareMs;
    await this.#untilMet(Number.NEGATIVE_INFINITY, by(acts.attack));
    await this.#attack(performance.now() + attackWithinMs * pace);
    const attackedAtMs = performance.now();
    if (await this.#untilMet(attackedAtMs + shockMs, by(acts.drain))) {
      this.#recoveryMs = performance.now() - attackedAtMs;
      const took = (this.#recoveryMs / 1000).toFixed(0);
      this.#board.say(`The farm has recovered: the requirement is met again, ${took} s after the attack.`);
    }
    if (!this.#isOver) await this.#drainOne();
  }

  async #update(): Promise<void> {
    const folder = join(this.#folder, 'site-2');
    await buildDemoSite(folder, 'second edition');
    const { number, files } = await this.#ensemble.root.ask('update', { folder });
    this.#releases = number;
    this.#board.say(
      `Release ${number} is out (${files} files). It spreads through the tree of servers while the users keep reading.`,
    );
  }

  /** Kills the servers that carry most, at one blow; waits for some to serve, but not for ever. */
  async #attack(untilMs: number): Promise<void> {
    let servers = await this.#servingVolunteers();
    while (servers.length === 0 && performance.now() < untilMs) {
      if (!(await this.#waitUntil(performance.now() + lookEveryMs))) return;
      servers = await this.#servingVolunteers();
    }
    const victims = servers.slice(0, servers.length > victimsAtOnce ? victimsAtOnce : 1);
    if (victims.length === 0) {
      this.#board.say('No volunteer serves yet, so none is killed.');
      return;
    }
    await Promise.all(victims.map((victim) => victim.kill()));
    this.#kills += victims.length;
    const names = victims.map(({ name }) => name).join(' and ');
    this.#board.say(
      `Attack: the busiest ${victims.length === 1 ? `server, in ${names}, is` : `servers, in ${names}, are`} ` +
        `killed (SIGKILL) in the middle of requests. Users go to the next server.`,
    );
    this.#later.push(...victims.map((victim) => this.#unlessOver(this.#comeBack(victim))));
  }

  /** The volunteers that serve now, the busiest first. */
  async #servingVolunteers(): Promise<FarmProcess[]> {
    const asked = this.#ensemble.volunteers.map(async (volunteer) => ({ volunteer, status: await volunteer.status() }));
    const serving = (await Promise.all(asked)).filter(({ status }) => status?.role === 'server' && !status.draining);
    serving.sort((a, b) => (b.status?.requestsServed ?? 0) - (a.status?.requestsServed ?? 0));
    return serving.map(({ volunteer }) => volunteer);
  }

  async #comeBack(victim: FarmProcess): Promise<void> {
    if (!(await this.#waitUntil(performance.now() + comesBackAfterMs))) return;
    await victim.start();
    this.#board.say(`The server in ${victim.name} is back, asks its old parent what it missed, and serves again.`);
  }

  async #drainOne(): Promise<void> {
    const [leaving] = await this.#servingVolunteers();
    if (leaving === undefined) return;
    this.#board.say(
      `The server in ${leaving.name} drains: it sends its clients to other servers before it stops serving.`,
    );
    await leaving.ask('drain', {});
    this.#board.say(`${leaving.name} has drained and is a client again.`);
  }

  /** True when that time has come, false when the end came first. */
  async #waitUntil(atMs: number): Promise<boolean> {
    if (this.#isOver) return false;
    let timer: NodeJS.Timeout | undefined;
    const came = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), Math.max(0, atMs - performance.now()));
    });
    const result = await Promise.race([came, this.#ended.then(() => false)]);
    clearTimeout(timer);
    return result;
  }

  async #keepTable(): Promise<void> {
    while (await this.#waitUntil(performance.now() + tableEveryMs)) this.#board.show(await this.#figures());
  }

  async #figures(): Promise<Figures> {
    const { root, volunteers } = this.#ensemble;
    const rows = await Promise.all(
      [root, ...volunteers].map(async (process) => ({
        city: process.name,
        status: await process.status(),
        life: process.life,
      })),
    );
    const nowMs = performance.now();
    const { ok, failed } = this.#visitors.count;
    const began = this.#visitors.beganAtMs ?? nowMs;
    return {
      rows,
      requiredMs,
      medianMs: this.#visitors.medianMs(nowMs - windowMs / 2, nowMs).medianMs,
      firstMs: this.#visitors.medianMs(began, began + windowMs).medianMs,
      ok,
      failed,
      url: this.#url,
    };
  }

  async #servers(): Promise<number> {
    const status = await this.#ensemble.root.status();
    return status?.servers.filter((server) => server.state === 'serving').length ?? 0;
  }

  #summary(servers: number): object {
    const nowMs = performance.now();
    const began = this.#visitors.beganAtMs ?? nowMs;
    const { delayMs, promotions } = this.#teller;
    const rounded = (ms: number): number | null => (Number.isNaN(ms) ? null : Math.round(ms * 10) / 10);
    return {
      kind: 'summary',
      peers: 1 + this.#ensemble.volunteers.length,
      servers,
      requests: this.#visitors.count,
      responseDelayMs: {
        first: rounded(this.#visitors.medianMs(began, began + windowMs).medianMs),
        last: rounded(this.#visitors.medianMs(nowMs - windowMs, nowMs).medianMs),
      },
      requiredMs,
      farmDelayMs: {
        first: rounded(delayMs.first ?? Number.NaN),
        least: rounded(delayMs.least ?? Number.NaN),
        last: rounded(delayMs.last ?? Number.NaN),
      },
      promotions,
      releases: this.#releases,
      recoveryMs: this.#recoveryMs,
      kills: this.#kills,
    };
  }
}
