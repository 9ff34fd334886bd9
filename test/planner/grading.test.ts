import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import type { PlanNode } from '../../planner/plan.ts';
import { graderVersion } from '../../schemas/catalogue.ts';

/** The nodes of base → tuned → rl on problems from a file, with what `grading` says of them; and what is warned of. */
async function planned(t: TestContext, grading: string): Promise<{ nodes: Map<string, PlanNode>; warnings: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'descent-grading-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'mine.jsonl'), '{"prompt": "What is a half?", "answer": "1/2"}\n');
  const path = join(folder, 'lineage.yaml');
  await writeFile(
    path,
    `lineage: graded
models: {nano: {layers: 1, hidden: 8, heads: 1, ffn: 8, context: 64}}
data:
  web: {generator: stories}
  mine: {files: mine.jsonl${grading}}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 4K}}
  tuned: {sft: {from: base, data: mine, examples: 1}}
  rl: {rl: {from: tuned, data: mine, examples: 1}}
evaluate: {each: [rl], suites: [heldout, id]}
`,
  );
  const loaded = await loadLineage(path);
  const result = loaded.ok ? await planLineage(loaded.lineage) : loaded;
  if (!result.ok) assert.fail(formatDiagnostics(result.diagnostics, result.text, { colour: false }));
  const nodes = new Map(result.plan.nodes.map((node) => [node.address, node]));
  return { nodes, warnings: result.warnings.map(({ message }) => message) };
}

const keysOf = ({ nodes }: { nodes: Map<string, PlanNode> }) =>
  Object.fromEntries([...nodes].map(([address, { key }]) => [address, key]));

test('how answers are graded is in the keys of what grades, and of nothing else', async (t) => {
  const plain = keysOf(await planned(t, ''));
  const graded = keysOf(await planned(t, ', grading: {answers: math, marks: [boxed]}'));
  const changed = Object.keys(plain).filter((address) => plain[address] !== graded[address]);
  // rl/heldout is of another model.
  assert.deepEqual(changed.sort(), ['rl', 'rl/heldout', 'rl/id']);
  assert.deepEqual(keysOf(await planned(t, ', grading: {tolerance: 0}')), plain);
  assert.notDeepEqual(keysOf(await planned(t, ', grading: {tolerance: 0.01}')), plain);
});

test('the order of marks is a matter of grading, and the trainer is told all of it', async (t) => {
  const [one, other] = [
    await planned(t, ', grading: {marks: [boxed, hashes]}'),
    await planned(t, ', grading: {marks: [hashes, boxed]}'),
  ];
  assert.notEqual(one.nodes.get('rl')?.key, other.nodes.get('rl')?.key);
  const { recipe } = (await planned(t, ', grading: {answers: math, tolerance: 0.01}')).nodes.get('rl') as PlanNode;
  assert.deepEqual((recipe as { data: unknown }).data, {
    name: 'mine',
    part: 'problems',
    source: { prepared: 'data:mine', grading: { answers: 'math', tolerance: 0.01 } },
  });
});

test('the version of the grader is in the keys of what grades', async (t) => {
  const { nodes } = await planned(t, '');
  const graders = [...nodes.values()].map(({ address, preimage }) => [
    address,
    (preimage.recipe as Record<string, unknown>).grader,
  ]);
  assert.deepEqual(
    graders.filter(([, version]) => version !== undefined),
    [
      ['rl', graderVersion],
      ['rl/id', graderVersion],
    ],
  );
});

test('a tolerance of what has none is warned of', async (t) => {
  const warned = async (grading: string) =>
    (await planned(t, grading)).warnings.filter((message) => message.includes('tolerance'));
  assert.deepEqual(await warned(', grading: {answers: choice, tolerance: 0.1}'), [
    '`tolerance` changes nothing: answers of the kind choice are the same or not',
  ]);
  assert.deepEqual(await warned(', grading: {answers: number, tolerance: 0.1}'), []);
});
