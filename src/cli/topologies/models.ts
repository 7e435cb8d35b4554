/**
 * The models that `banyan topology generate` knows, with their parameters.
 *
 * Each model keeps its own defaults: a parameter that nobody set is left out, and the help tells what the model takes then. The models are
 * handed in, as they have much code behind them, and only the help and a run need it.
 */
import type * as Topologies from '../../topology/index.ts';
import type { ActionPlan } from '../command.ts';
import { type OptionSpec, value } from '../settings/option.ts';
import { generator } from './generator.ts';
import { milliseconds, number, wholeNumber } from './values.ts';

export function modelCommands(topologies: typeof Topologies | null): readonly ActionPlan[] {
  return [
    transitStub(topologies?.transitStubDefaults),
    waxman(topologies?.waxmanDefaults),
    plane(topologies?.planeDefaults),
    cities(topologies?.citiesDefaults),
    preset(topologies?.presets),
  ];
}

function transitStub(defaults: Topologies.TransitStubOptions | undefined): ActionPlan {
  return generator({
    name: 'transit-stub',
    summary: "GT-ITM's model: backbones with edge networks hanging from them; T x Nt x (1 + K x Ns) nodes",
    options: {
      transitDomains: whole('transit-domains', '<T>', 'transit domains', defaults?.transitDomains),
      transitNodes: whole('transit-nodes', '<Nt>', 'nodes per transit domain, on average', defaults?.transitNodes),
      stubs: whole('stubs', '<K>', 'stub domains per transit node, on average', defaults?.stubs),
      stubNodes: whole('stub-nodes', '<Ns>', 'nodes per stub domain, on average', defaults?.stubNodes),
      topProbability: figure('top-probability', '<p>', 'that two transit domains are adjacent', defaults?.topProbability),
      transitProbability: figure('transit-probability', '<p>', 'of a link within a transit domain', defaults?.transitProbability),
      stubProbability: figure('stub-probability', '<p>', 'of a link within a stub', defaults?.stubProbability),
      extraTransitStub: whole('extra-transit-stub', '<n>', 'links from stubs to further transit nodes', defaults?.extraTransitStub),
      extraStubStub: whole('extra-stub-stub', '<n>', 'links between stubs', defaults?.extraStubStub),
      seed: seed(defaults),
    },
    examples: [
      'banyan topology generate transit-stub --transit-domains 1 --transit-nodes 4 --stubs 3 --seed 47 --mean-rtt 47 --out f.alt',
      'banyan topology generate transit-stub --transit-domains 10 --stub-nodes 20 --out large.alt --json',
    ],
    make: ({ generateTransitStub }, parameters) => generateTransitStub(parameters),
  });
}

function waxman(defaults: Topologies.WaxmanOptions | undefined): ActionPlan {
  return generator({
    name: 'waxman',
    summary: 'a random graph without hierarchy, in which short links are likelier',
    options: {
      nodes: whole('nodes', '<n>', 'nodes', defaults?.nodes),
      alpha: figure('alpha', '<a>', 'how many links', defaults?.alpha),
      beta: figure('beta', '<b>', 'how many of them are long', defaults?.beta),
      seed: seed(defaults),
    },
    examples: ['banyan topology generate waxman --nodes 200 --seed 3 --mean-rtt 80 --out w.alt'],
    make: ({ generateWaxman }, parameters) => generateWaxman(parameters),
  });
}

function plane(defaults: Topologies.PlaneOptions | undefined): ActionPlan {
  return generator({
    name: 'plane',
    summary: 'points in a square; RTT in proportion to distance',
    options: { nodes: whole('nodes', '<n>', 'points', defaults?.nodes), seed: seed(defaults) },
    examples: ['banyan topology generate plane --nodes 50 --seed 3 --mean-rtt 100 --out p.alt'],
    make: ({ generatePlane }, parameters) => generatePlane(parameters),
  });
}

function cities(defaults: Topologies.CitiesOptions | undefined): ActionPlan {
  return generator({
    name: 'cities',
    summary: '24 cities on six continents: light in glass, times an inflation, plus a last mile',
    options: {
      inflation: figure('inflation', '<factor>', 'how much longer paths are than the great circle', defaults?.inflation),
      lastMileMs: value('last-mile-ms', '<ms>', 'added to every RTT', milliseconds, null, told(defaults?.lastMileMs)),
    },
    examples: ['banyan topology generate cities --out cities.csv'],
    make: ({ generateCities }, parameters) => generateCities(parameters),
  });
}

function preset(presets: typeof Topologies.presets | undefined): ActionPlan {
  const lines = [...(presets ?? [])].map(([name, { purpose }]) => `  ${name.padEnd(20)}${purpose}`);
  return generator({
    name: 'preset',
    summary: 'one of the ready-made topologies',
    notes: ['Ready-made topologies:', ...lines].join('\n'),
    args: [{ name: 'name', about: 'which one', isRequired: true }],
    options: {},
    examples: ['banyan topology generate preset transit-stub-600 --out t600.alt'],
    make: ({ presetTopology }, _, [name = '']) => presetTopology(name),
  });
}

type Parameter = OptionSpec<number | null>;

function whole(name: string, placeholder: string, about: string, usual: number | undefined): Parameter {
  return value(name, placeholder, about, wholeNumber, null, told(usual));
}

function figure(name: string, placeholder: string, about: string, usual: number | undefined): Parameter {
  return value(name, placeholder, about, number, null, told(usual));
}

function seed(usual: { readonly seed: number } | undefined): Parameter {
  return whole('seed', '<n>', 'the same seed gives the same topology', usual?.seed);
}

function told(usual: number | undefined): { readonly fallbackText: string } {
  return { fallbackText: usual === undefined ? '' : String(usual) };
}
