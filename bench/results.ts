import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { columns } from '../cli/render/columns.ts';
import { figures, learningRates, steps } from './results/made.ts';
import { type Asked, askAll, type Ingesting, ingest, type Took, takePaper, viewRows } from './results/measure.ts';
import { type MlflowMeasured, measureMlflow } from './results/mlflow.ts';
import { median } from './trainer/race.ts';

// How fast runs become rows, and how fast these answer: `npm run bench -- results [--rates 8] [--lineages 8] [--times 5]
// [--mlflow-runs 200]`. Made-up lineages are read from events.jsonl into a temporary DuckDB as a rebuild does it, with
// as many attempts a transaction: EvoLM's models, trained at so many learning rates of pretraining, 1,269 evaluated models each,
// with 40 figures a model, and 1,000 rows of steps for each one that is trained. A lineage has one rate, or with fewer
// lineages several. Bypassed are trainers, the store and Temporal: nothing is trained or published. Then every saved
// query, view and takeaway is asked of the last of them, and the paper's tables and figures of the paper, the file being
// opened each time. Where DESCENT_MLFLOW_PYTHON names a Python that has mlflow, MLflow on SQLite logs runs of the same
// size and is asked the same, of fewer of them.

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: String(learningRates.length) },
    lineages: { type: 'string', default: String(learningRates.length) },
    times: { type: 'string', default: '5' },
    'mlflow-runs': { type: 'string', default: '200' },
  },
});
const [rates, times, mlflowRuns] = [values.rates, values.times, values['mlflow-runs']].map(Number) as [
  number,
  number,
  number,
];
const lineages = Math.min(Number(values.lineages), rates);

const folder = await mkdtemp(join(tmpdir(), 'descent-bench-'));
try {
  const ingesting = await ingest(folder, lineages, rates);
  print(ingestingTable(ingesting));
  await takePaper(folder);
  const asked = await askAll(folder, `made-${lineages - 1}`, times);
  print(askedTable(asked));
  const python = process.env.DESCENT_MLFLOW_PYTHON;
  if (python) print(mlflowTable(await measureMlflow(python, folder, mlflowRuns, times), ingesting, asked));
  else print('MLflow is left out: DESCENT_MLFLOW_PYTHON names a Python that has mlflow');
} finally {
  await rm(folder, { recursive: true, force: true });
}

function print(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

function ingestingTable({ models, rows, plans, runs }: Ingesting): string {
  const head = [
    'models',
    'figures a model',
    'steps a model',
    'rows',
    's',
    'of it plans s',
    'cpu s',
    'rows a second',
    'aim',
  ];
  const [seconds, cpuSeconds] = [plans.seconds + runs.seconds, plans.cpuSeconds + runs.cpuSeconds];
  const times = [seconds, plans.seconds, cpuSeconds].map((time) => time.toFixed(1));
  const row = [...[models, figures, steps, rows].map(whole), ...times, whole(rows / seconds), '≥ 500,000'];
  return columns([head, row], Array(head.length).fill('right'));
}

function askedTable(asked: readonly Asked[]): string {
  const head = ['', 'name', 'rows', 'n', 'median ms', 'cpu ms', 'aim'];
  const rows = asked.map(({ kind, name, rows, took }) => {
    const [middle, cpu] = [medianOf(took), 1000 * median(took.map(({ cpuSeconds }) => cpuSeconds))];
    const aim = middle <= 200 ? '≤ 200' : '≤ 200 missed';
    return [kind, name, whole(rows), String(took.length), whole(middle), whole(cpu), aim];
  });
  const note = `views: the first ${whole(viewRows)} rows of one lineage`;
  return `${columns([head, ...rows], ['left', 'left', 'right', 'right', 'right', 'right', 'left'])}\n${note}`;
}

function mlflowTable(mlflow: MlflowMeasured, ingesting: Ingesting, asked: readonly Asked[]): string {
  const head = [
    '',
    `Descent, ${whole(ingesting.models)} models`,
    `MLflow ${mlflow.version}, ${whole(mlflow.runs)} runs`,
  ];
  const { rows: read, plans, runs } = ingesting;
  const rows = Object.entries(mlflow.asked).map(([name, milliseconds]) => {
    const own = asked.find((each) => each.kind === 'saved query' && each.name === name);
    return [`${name}, median ms`, own ? whole(medianOf(own.took)) : '', whole(median(milliseconds))];
  });
  const rates = [read / (plans.seconds + runs.seconds), mlflow.rows / mlflow.seconds].map(whole);
  return columns([head, ['rows a second', ...rates], ...rows], ['left', 'right', 'right']);
}

/** Milliseconds by the clock. */
function medianOf(took: readonly Took[]): number {
  return 1000 * median(took.map(({ seconds }) => seconds));
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
