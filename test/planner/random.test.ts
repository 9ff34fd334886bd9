import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { planOf } from './plans.ts';

let folder: string;
let file: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent-random-'));
  file = join(folder, 'lineage.yaml');
});
after(() => rm(folder, { recursive: true }));

describe('random lineages', () => {
  /** A tree of stages over some axes: each stage mentions some, and some references pin one. */
  const graph = fc.record({
    axes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
    stages: fc.array(
      fc.record({
        parent: fc.nat(),
        mentions: fc.array(fc.nat({ max: 2 }), { maxLength: 2 }),
        pins: fc.boolean(),
        cpt: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    shuffle: fc.infiniteStream(fc.nat()),
  });

  test('have a node for each setting, parents first, and the same keys in any order of the file', async () => {
    await fc.assert(
      fc.asyncProperty(graph, async ({ axes, stages, shuffle }) => {
        const names = axes.map((_, index) => `a${index}`);
        const varies = new Map<string, Set<string>>();
        const blocks: string[] = [];
        for (const [index, stage] of stages.entries()) {
          const parent = index === 0 ? undefined : `s${stage.parent % index}`;
          const inherited = new Set(parent ? varies.get(parent) : undefined);
          const mentions = [...new Set(stage.mentions.map((mention) => names[mention]))].filter(
            (name) => name !== undefined,
          );
          const pinned = stage.pins && parent ? [...inherited][0] : undefined;
          if (pinned) inherited.delete(pinned);
          varies.set(`s${index}`, new Set([...inherited, ...mentions]));
          const from = parent ? `from: "${parent}${pinned ? `@${pinned}=1` : ''}", ` : 'model: nano, ';
          const fields = mentions.map((name, at) => `, ${['lr', 'clip'][at]}: "{${name}}"`).join('');
          blocks.push(
            `  s${index}: {${parent ? 'cpt' : 'pretrain'}: {${from}data: web, tokens: 10K, minLr: 0${fields}}}`,
          );
        }
        const used = new Set([...varies.values()].flatMap((set) => [...set]));
        const declared = names
          .map(
            (name, index) =>
              `  ${name}: [${Array.from({ length: axes[index] ?? 1 }, (_, value) => value + 1).join(', ')}]`,
          )
          .filter((_, index) => used.has(`a${index}`));
        const text = (lines: string[], kept: string[]) =>
          `lineage: random\nmodels: {nano: {layers: 1, hidden: 16, heads: 2, ffn: 16, context: 32}}\ndata: {web: {generator: stories}}\nstages:\n${lines.join('\n')}\n${kept.length > 0 ? `axes:\n${kept.join('\n')}\n` : ''}`;
        await writeFile(file, text(blocks, declared));
        const plan = await planOf(file);
        for (const [stage, set] of varies) {
          const nodes = plan.nodes.filter((node) => node.stage === stage);
          assert.equal(
            nodes.length,
            [...set].reduce((product, name) => product * (axes[names.indexOf(name)] ?? 1), 1),
            `${stage} over ${[...set]}`,
          );
          for (const node of nodes) assert.deepEqual(new Set(Object.keys(node.axes)), set);
        }
        const seen = new Set<string>();
        for (const node of plan.nodes) {
          for (const key of Object.values(node.parents)) assert.ok(seen.has(key));
          seen.add(node.key);
        }
        const turn = <T>(items: T[]): T[] =>
          items
            .map((item) => ({ item, order: shuffle.next().value }))
            .sort((a, b) => a.order - b.order)
            .map(({ item }) => item);
        await writeFile(file, text(turn(blocks), turn(declared)));
        const turned = await planOf(file);
        const keys = (of: typeof plan) =>
          new Map(
            of.nodes.map((node) => [`${node.stage} ${JSON.stringify(Object.entries(node.axes).sort())}`, node.key]),
          );
        assert.deepEqual(keys(turned), new Map([...keys(turned)].map(([at]) => [at, keys(plan).get(at)])));
        assert.equal(turned.nodes.length, plan.nodes.length);
      }),
      { seed: 21, numRuns: 60 },
    );
  });
});
