import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Diagnostic, diagnosticCodes, formatDiagnostics } from '../../planner/diagnostic.ts';
import { planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { fixture, planOf } from './plans.ts';

let folder: string;
let file: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent-random-'));
  file = join(folder, 'lineage.yaml');
  for (const data of ['corpus', 'problems.jsonl']) await cp(fixture(data), join(folder, data), { recursive: true });
});
after(() => rm(folder, { recursive: true }));

describe('whatever is done to a valid file, it is planned or told where it is wrong', () => {
  /** What people and editors do to text. */
  const mutation = fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
    fc.record({
      kind: fc.constant('insert' as const),
      at: fc.nat(),
      text: fc.oneof(
        fc.constantFrom(...Array.from('{}[]:,#&*!|>%@`"\'\n\t- ?~0')),
        fc.constantFrom(
          'null',
          '.nan',
          '1e999',
          '-1',
          '{replay}',
          '*a',
          '&a ',
          '<<: ',
          '!!set ',
          '---\n',
          '\u0000',
          '\ufeff',
          'é',
          '\r\n',
          '99999999999999999999',
          '__proto__: {}',
          '5% of pretrain',
          '20x',
        ),
        fc.string({ maxLength: 6 }),
      ),
    }),
    fc.record({
      kind: fc.constant('copy' as const),
      from: fc.nat(),
      length: fc.integer({ min: 1, max: 60 }),
      at: fc.nat(),
    }),
    fc.record({ kind: fc.constant('swap lines' as const), one: fc.nat(), other: fc.nat() }),
    fc.record({ kind: fc.constant('drop line' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('swap words' as const), one: fc.nat(), other: fc.nat() }),
  );
  type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

  function mutate(text: string, change: Mutation): string {
    const lines = text.split('\n');
    const words = text.split(/\b/);
    const exchange = (parts: string[], one: number, other: number, between: string) => {
      const [a, b] = [one % parts.length, other % parts.length];
      [parts[a], parts[b]] = [parts[b] ?? '', parts[a] ?? ''];
      return parts.join(between);
    };
    switch (change.kind) {
      case 'cut':
        return text.slice(0, change.at % text.length) + text.slice((change.at % text.length) + change.length);
      case 'insert':
        return text.slice(0, change.at % text.length) + change.text + text.slice(change.at % text.length);
      case 'copy': {
        const from = change.from % text.length;
        return (
          text.slice(0, change.at % text.length) +
          text.slice(from, from + change.length) +
          text.slice(change.at % text.length)
        );
      }
      case 'swap lines':
        return exchange(lines, change.one, change.other, '\n');
      case 'drop line':
        return lines.toSpliced(change.at % lines.length, 1).join('\n');
      case 'swap words':
        return exchange(words, change.one, change.other, '');
    }
  }

  const more =
    'zip: [[replay, seed]]\nexclude: [{replay: 5%}]\ninclude: [{replay: 5%, seed: 3}, {replay: 30%, seed: 1}]\n';
  for (const [name, seed, rest] of [
    ['replay.yaml', 11, ''],
    ['replay.yaml', 16, more],
    ['everything.yaml', 12, ''],
    ['minimal.yaml', 13, ''],
  ] as const) {
    test(`${name}${rest && ', more than a grid'}`, async () => {
      const valid = `${await readFile(fixture(name), 'utf8')}${rest}`;
      let [planned, refused] = [0, 0];
      await fc.assert(
        fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (changes) => {
          const text = changes.reduce((changed, change) => (changed === '' ? '\n' : mutate(changed, change)), valid);
          const diagnostics = await diagnosticsOf(text);
          if (diagnostics.length === 0) planned += 1;
          else refused += 1;
          checkDiagnostics(diagnostics, text);
        }),
        { seed, numRuns: 120 },
      );
      assert.ok(
        planned > 5 && refused > 50,
        `${planned} planned, ${refused} refused: the changes are too mild or too wild`,
      );
    });
  }

  test('any bytes at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await writeFile(file, bytes);
        const loaded = await loadLineage(file);
        assert.ok(!loaded.ok);
        checkDiagnostics(loaded.diagnostics, loaded.text);
      }),
      { seed: 14, numRuns: 200 },
    );
  });

  test('any value at all, written as JSON', async () => {
    const keys = fc.constantFrom(
      'lineage',
      'models',
      'data',
      'stages',
      'axes',
      'zip',
      'exclude',
      'include',
      'evaluate',
      'placement',
      'pretrain',
      'cpt',
      'from',
      'mix',
      'tokens',
      'bpe',
      'replicate',
      'files',
      'base',
      'nano',
      '__proto__',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, true, 0, -1, 1.5, 'base', '{seed}', '5%', 'a/b', 'mid@x=1', ''),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 6 }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(keys, value, { maxKeys: 8 }), async (root) => {
        const text = JSON.stringify(root);
        const diagnostics = await diagnosticsOf(text);
        assert.ok(diagnostics.length > 0);
        checkDiagnostics(diagnostics, text);
      }),
      { seed: 15, numRuns: 300 },
    );
  });

  async function diagnosticsOf(text: string): Promise<Diagnostic[]> {
    await writeFile(file, text);
    const loaded = await loadLineage(file);
    if (!loaded.ok) return loaded.diagnostics;
    const planned = await planLineage(loaded.lineage);
    return planned.ok ? [] : planned.diagnostics;
  }

  /** Each has a place in the text, a sentence, and can be shown. */
  function checkDiagnostics(diagnostics: readonly Diagnostic[], text: string): void {
    const lines = text.replace(/^\ufeff/, '').split('\n');
    for (const diagnostic of diagnostics) {
      assert.ok(Object.hasOwn(diagnosticCodes, diagnostic.code));
      for (const place of [diagnostic, ...(diagnostic.related ?? [])]) {
        assert.ok(place.message.length > 5 && place.length >= 1);
        if (place.line === 0) continue;
        const line = lines[place.line - 1];
        assert.ok(
          line !== undefined && place.column >= 1 && place.column <= line.length + 1,
          `${place.line}:${place.column} is not in the text`,
        );
      }
      assert.doesNotMatch(
        `${diagnostic.message} ${diagnostic.expected} ${diagnostic.hint}`.replaceAll(/`[^`]*`/g, ''),
        /\[object|NaN|must NOT/,
      );
    }
    const shown = formatDiagnostics(diagnostics, text, { colour: false });
    assert.doesNotMatch(shown, /(?!\n)\p{Cc}/u, 'no control characters reach the terminal');
    const order = diagnostics.map(({ line, column }) => line * 1e7 + column);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  }
});

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
