/**
 * Delay graphs: read, generate, scale, look up. Pure; the simulator and the host's delay emulation use them.
 *
 * `readTopology` reads the text of a file, `presetTopology` makes one by name, `generate…` makes a new one. `scaleToMeanRtt` converts it to
 * milliseconds; from then on callers only use `Topology`.
 */
export { readAlt, writeAlt } from './alt-format.ts';
export { type CitiesOptions, citiesDefaults, generateCities } from './cities.ts';
export { readGraphml } from './graphml-format.ts';
export type { Graph } from './graph.ts';
export { GraphTopology, type GraphTopologyOptions } from './graph-topology.ts';
export { readMatrix, writeMatrix } from './matrix-format.ts';
export { MatrixTopology } from './matrix-topology.ts';
export { generatePlane, planeDefaults, type PlaneOptions } from './plane.ts';
export { PlaneTopology } from './plane-topology.ts';
export { type Preset, presets, presetTopology } from './presets.ts';
export type { Topology } from './topology.ts';
export { TopologyError } from './topology-error.ts';
export { detectFormat, readTopology, type TopologyFormat, topologyFormats } from './topology-reader.ts';
export { meanRttMs, scale, scaleToMeanRtt } from './topology-scaling.ts';
export { describeTopology, type TopologySummary } from './topology-summary.ts';
export { generateTransitStub, transitStubDefaults, type TransitStubOptions } from './transit-stub.ts';
export { generateWaxman, waxmanDefaults, type WaxmanOptions } from './waxman.ts';
