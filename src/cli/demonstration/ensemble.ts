/**
 * Who plays in the demonstration, and where in the world each of them stands.
 *
 * The root is in London; its users live far away; among the volunteers some live near them. That is the situation the whole
 * project is about: the service is slow where its users are, and people near them would carry it.
 */
import { join } from 'node:path';
import { presetTopology } from '../../topology/index.ts';
import { FarmProcess } from './farm-process.ts';

export const topologyName = 'continents-24';

const rootCity = 'London';
const userCities = ['Tokyo', 'Sydney', 'Sao Paulo', 'Johannesburg'];
/** The first ten are where volunteers live; more of them are spread over the other cities. */
const volunteerCities = [
  'Tokyo',
  'Sydney',
  'Sao Paulo',
  'Los Angeles',
  'Johannesburg',
  'Singapore',
  'New York',
  'Mumbai',
  'Buenos Aires',
  'Cairo',
];
/** What the owner asks for: the mean response delay over all peers, ms. From the root alone it is about 150. */
export const requiredMs = 60;

export interface EnsemblePlan {
  readonly folder: string;
  readonly site: string;
  readonly volunteers: number;
  /** Port of the link for the person who watches. */
  readonly port: number;
  readonly script: string;
}

export class Ensemble {
  readonly #plan: EnsemblePlan;
  readonly #names: readonly string[] = presetTopology(topologyName).names;
  readonly root: FarmProcess;
  readonly volunteers: FarmProcess[] = [];
  readonly users: FarmProcess[] = [];

  constructor(plan: EnsemblePlan) {
    this.#plan = plan;
    this.root = this.#peer('root', rootCity, [
      'serve',
      plan.site,
      '--name',
      'Banyan docs',
      '--requirement',
      `${requiredMs}ms`,
      '--fan-out',
      '4',
      '--heartbeat',
      '400ms',
      '--settle',
      '4',
      '--port',
      '0',
      '--http-port',
      '0',
    ]);
  }

  /** The volunteers, not started yet: willing to serve, when the root orders it. */
  castVolunteers(invite: string): void {
    const others = this.#names.filter((name) => name !== rootCity && !volunteerCities.includes(name));
    const cities = [...volunteerCities, ...others];
    for (let i = 0; i < this.#plan.volunteers; i++) {
      const city = cities[i % cities.length] ?? rootCity;
      this.volunteers.push(
        this.#peer(
          `volunteer-${i}`,
          city,
          ['join', invite, '--serve', '--port', '0'],
          i >= cities.length ? ` ${Math.floor(i / cities.length) + 1}` : '',
        ),
      );
    }
  }

  /** The users' readers; the first one's address is also the link for the person who watches. */
  castUsers(invite: string): void {
    userCities.forEach((city, i) => {
      this.users.push(
        this.#peer(`user-${i}`, city, [
          'open',
          invite,
          '--port',
          String(i === 0 ? this.#plan.port : 0),
          '--peer-port',
          '0',
        ]),
      );
    });
  }

  /** Where a peer stands, by its id; the id's end for one that is not of this farm. */
  cityOf(peerId: string): string {
    return this.all().find(({ ready }) => ready?.peerId === peerId)?.name ?? peerId.slice(-8);
  }

  all(): FarmProcess[] {
    return [...this.users, ...this.volunteers, this.root];
  }

  #peer(folder: string, city: string, args: readonly string[], suffix = ''): FarmProcess {
    const node = String(this.#names.indexOf(city));
    return new FarmProcess(
      {
        name: `${city}${suffix}`,
        folder: join(this.#plan.folder, folder),
        args: [...args, '--emulate', topologyName, '--emulate-node', node],
      },
      this.#plan.script,
    );
  }
}
