import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan } from '../../planner/plan.ts';

const evolm = fileURLToPath(new URL('../../../lineage/evolm.yaml', import.meta.url));

/**
 * The plan of the models of lineage/evolm.yaml with generated data, each model trained at some learning rates of
 * pretraining and with some seeds, and asked all four suites. Plans of other learning rates have no model in common.
 */
export async function planModels(lineage: string, learningRates: readonly number[], seeds: number): Promise<Plan> {
  const signatures = [...(await readFile(evolm, 'utf8')).matchAll(/^ {2}- (\S+)$/gm)].map(([, name]) => name);
  const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), textOf(lineage, signatures.join(', '), learningRates, seeds));
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    const planned = loaded.ok ? await planLineage(loaded.lineage, { mostNodes: Number.POSITIVE_INFINITY }) : loaded;
    if (!planned.ok) throw new Error(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }));
    return planned.plan;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function textOf(lineage: string, signatures: string, learningRates: readonly number[], seeds: number): string {
  return `lineage: ${lineage}
models:
  0.5B: {layers: 20, hidden: 1536, heads: 32, kvHeads: 4, ffn: 3216, context: 2048}
  1B: {layers: 22, hidden: 2048, heads: 32, kvHeads: 4, ffn: 4896, context: 2048}
  4B: {layers: 28, hidden: 4096, heads: 32, kvHeads: 4, ffn: 7792, context: 2048}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
signatures: [${signatures}]
recipes:
  pretrain: {data: web, batch: 1048576, lr: "{lr}"}
  cpt: {data: math, batch: 1048576}
  sft: {data: math/problems, batch: 128}
  rl: {data: math/problems, batch: 1024}
axes:
  lr: [${learningRates.join(', ')}]
  seed: {replicate: [${Array.from({ length: seeds }, (_, seed) => seed + 1).join(', ')}]}
evaluate: {each: [${signatures}], suites: [heldout, upstream, id, ood]}
`;
}
