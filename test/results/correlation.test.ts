/** The formulas of `reward_correlation` against their definitions, on figures that are made up. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { findSavedQuery } from '../../results/saved.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
const { sql } = findSavedQuery('reward_correlation');

before(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
  await connection.run(`
    CREATE TABLE model_figures (lineage VARCHAR, plan VARCHAR, place INTEGER, key VARCHAR, suite VARCHAR, task VARCHAR, metric VARCHAR, value DOUBLE)`);
});
after(() => {
  connection.closeSync();
  instance.closeSync();
});

/** Figures of a model each, by metric. */
type Models = Record<string, number>[];

async function correlations(models: Models, metric: string | null = null) {
  await connection.run('DELETE FROM model_figures');
  const rows = models.flatMap((figures, place) =>
    Object.entries(figures).map(([name, value]) => {
      const [suite, task] = name === 'loss' ? ['heldout', 'web'] : ['id', 'math'];
      return `('l', 'p', ${place}, 'model ${place}', '${suite}', '${task}', '${name}', ${value})`;
    }),
  );
  await connection.run(`INSERT INTO model_figures VALUES ${rows.join(', ')}`);
  const result = await connection.runAndReadAll(sql, { lineage: 'l', metric });
  return result.getRowObjectsJS() as Record<string, number | string | null>[];
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function pearson(x: readonly number[], y: readonly number[]): number | null {
  const [mx, my] = [mean(x), mean(y)];
  const product = (a: readonly number[], ma: number, b: readonly number[], mb: number) =>
    mean(a.map((value, i) => (value - ma) * ((b[i] as number) - mb)));
  if (new Set(x).size === 1 || new Set(y).size === 1) return null;
  return product(x, mx, y, my) / Math.sqrt(product(x, mx, x, mx) * product(y, my, y, my));
}

/** How many are smaller, and half of those that are equal. */
const ranks = (values: readonly number[]) =>
  values.map((value) =>
    mean([values.filter((other) => other < value).length, values.filter((other) => other <= value).length]),
  );

test('correlations and their intervals are what their definitions say, ties and all', async () => {
  const figure = fc.integer({ min: 0, max: 6 }).map((tenths) => tenths / 8);
  const model = fc.record({ orm: figure, 'pass@1': figure, loss: figure });
  await fc.assert(
    fc.asyncProperty(fc.array(model, { minLength: 1, maxLength: 12 }), async (models) => {
      const found = await correlations(models);
      assert.deepEqual(
        found.map(({ predictor, n }) => [predictor, Number(n)]),
        ['orm', 'perplexity'].map((predictor) => [predictor, models.length]),
      );
      for (const row of found) {
        const y = models.map((each) => each['pass@1']);
        const x = models.map(({ orm, loss }) => (row.predictor === 'orm' ? orm : Math.exp(loss)));
        for (const [name, value, widening] of [
          ['pearson', pearson(x, y), () => 1],
          ['spearman', pearson(ranks(x), ranks(y)), (rho: number) => Math.sqrt(1 + rho ** 2 / 2)],
        ] as const) {
          const [middle, low, high] = [row[name], row[`${name}_low`], row[`${name}_high`]];
          if (value === null) {
            assert.deepEqual([middle, low, high], [null, null, null]);
            continue;
          }
          assert.ok(Math.abs((middle as number) - value) < 1e-9, `${name} is ${middle}, expected ${value}`);
          if (models.length < 4) {
            assert.deepEqual([low, high], [null, null]);
            continue;
          }
          const half = (1.959963984540054 * widening(value)) / Math.sqrt(models.length - 3);
          const ends = [-half, half].map((by) => Math.tanh(Math.atanh(middle as number) + by));
          for (const [i, end] of [low, high].entries())
            assert.ok(Math.abs((end as number) - (ends[i] as number)) < 1e-6, `${name}: ${end}, expected ${ends[i]}`);
        }
        if (row.pearson !== null) assert.ok(Math.abs((row.r_squared as number) - (row.pearson as number) ** 2) < 1e-12);
      }
    }),
    { numRuns: 60 },
  );
});

test('of Maj@k that of the most responses counts, unless another figure is asked for', async () => {
  const models = [1, 2, 3, 4, 5].map((i) => ({ orm: i, 'maj@2': i % 2, 'maj@16': i, 'pass@1': -i, 'pass@16': i ** 2 }));
  const told = (rows: Awaited<ReturnType<typeof correlations>>) =>
    rows.map(({ predictor, metric, spearman }) => [predictor, metric, Math.round(1e6 * Number(spearman)) / 1e6]);
  assert.deepEqual(told(await correlations(models)), [
    ['orm', 'maj@16', 1],
    ['orm', 'pass@1', -1],
  ]);
  assert.deepEqual(told(await correlations(models, 'pass@16')), [['orm', 'pass@16', 1]]);
});
