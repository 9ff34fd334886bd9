/** What is run: a lineage whose nodes do nothing. */
export interface Case {
  name: string;
  seeds: number;
  suites: readonly string[];
  /** Nodes that are left to run when the cases before it have run in the same home. */
  trainings: number;
  evaluations: number;
  /** What a node may cost, in milliseconds. */
  most?: number;
}

/** Each starts from what those before it have left. */
export const cases: readonly Case[] = [
  { name: 'trainings', seeds: 1000, suites: [], trainings: 1000, evaluations: 0, most: 20 },
  // The first 500 models of the lineage above, shared with it, and two evaluations of each.
  { name: 'evaluations', seeds: 500, suites: ['heldout', 'ood'], trainings: 0, evaluations: 1000, most: 4 },
];

/** 10,000 nodes, of which 2,000 are there when the cases above have run. */
export const longCase: Case = {
  name: 'long',
  seeds: 3333,
  suites: ['heldout', 'ood'],
  trainings: 2333,
  evaluations: 5666,
};

/** How many nodes of a case are left to run. */
export function nodesOf({ trainings, evaluations }: Case): number {
  return trainings + evaluations;
}

/** The case as a lineage file. */
export function lineageOf({ name, seeds, suites }: Case): string {
  return `lineage: ${name}
models:
  nano: {layers: 1, hidden: 16, heads: 2, ffn: 32, context: 64}
data:
  web: {generator: stories}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 8K, lr: 1e-3}}
axes:
  seed: {replicate: [${Array.from({ length: seeds }, (_, seed) => seed + 1).join(', ')}]}
${suites.length > 0 ? `evaluate: {each: [base], suites: [${suites.join(', ')}]}\n` : ''}`;
}
