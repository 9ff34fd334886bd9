import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';

/** The path of a lineage among the fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/lineages/${name}`, import.meta.url));
}

/** The plan of a lineage file that must be valid. */
export async function planOf(path: string): Promise<Plan> {
  const loaded = await loadLineage(path);
  if (!loaded.ok) assert.fail(formatDiagnostics(loaded.diagnostics, loaded.text, { colour: false }));
  const planned = await planLineage(loaded.lineage);
  if (!planned.ok) assert.fail(formatDiagnostics(planned.diagnostics, planned.text, { colour: false }));
  return planned.plan;
}

/** The plan of a lineage that is given as text, in a folder of its own. */
export async function planOfText(text: string): Promise<Plan> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-plan-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    return await planOf(join(folder, 'lineage.yaml'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What planning says of a lineage that is given as text, which must load where it is planned at all. */
export async function planningOf(text: string): Promise<Planned> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-plan-'));
  try {
    await writeFile(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    return loaded.ok ? await planLineage(loaded.lineage) : loaded;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A node of a plan, by its address. */
export function nodeAt(plan: Plan, address: string): PlanNode {
  return (
    plan.nodes.find((node) => node.address === address) ??
    assert.fail(`no node ${address} among ${plan.nodes.map((node) => node.address)}`)
  );
}

/** Keys by address. */
export function keysOf(plan: Plan): Record<string, string> {
  return Object.fromEntries(plan.nodes.map((node) => [node.address, node.key]));
}

/** A small lineage; each part can be given another text. */
export function lineage(
  parts: {
    model?: string;
    data?: string;
    base?: string;
    mid?: string;
    tuned?: string;
    rl?: string;
    axes?: string;
    evaluate?: string;
    rest?: string;
  } = {},
): string {
  return `lineage: small
models:
  nano: ${parts.model ?? '{layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}'}
data:
${parts.data ?? '  web: {generator: stories}\n  math: {generator: arithmetic}'}
stages:
  base: {pretrain: ${parts.base ?? '{model: nano, data: web, tokens: 40K}'}}
  mid: {cpt: ${parts.mid ?? '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: 20%}}'}}
  tuned: {sft: ${parts.tuned ?? '{from: mid, data: math/problems, examples: 100}'}}
  rl: {rl: ${parts.rl ?? '{from: tuned, data: math/problems, examples: 64}'}}
${parts.axes ? `axes: ${parts.axes}` : ''}
evaluate: ${parts.evaluate ?? '{each: [tuned, rl], suites: [heldout, id, ood]}'}
${parts.rest ?? ''}
`;
}
