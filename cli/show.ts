import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isExecuted } from '../activities/claim.ts';
import { needsOf } from '../planner/kinship.ts';
import { marksOf } from '../planner/marks.ts';
import { memoryOf } from '../planner/memory.ts';
import type { PlanNode } from '../planner/plan.ts';
import { runQuery } from '../results/query.ts';
import type { Certificate } from '../schemas/certificate.ts';
import { latestCheckpoint } from '../store/checkpoint.ts';
import { failureIn } from '../store/failure.ts';
import { attemptFolder, attemptNumbers, findHome } from '../store/home.ts';
import { inspectAttempt } from '../store/inspect.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { findNode } from './find-node.ts';
import { type AttemptReport, type NodeReport, renderNode } from './render/node.ts';
import { acceptedReport } from './why.ts';

/** `descent show NODE`: everything that is known of one node. */
export async function show(
  text: string,
  options: { json?: true; lineage?: string },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const home = findHome(context.cwd, context.env);
  const { plan, node } = await findNode(home, text, options.lineage ?? null);
  const addresses = new Map(plan.nodes.map((one) => [one.key, one.address]));
  const report: NodeReport = {
    lineage: plan.lineage,
    address: node.address,
    key: node.key,
    type: node.type,
    stage: node.stage,
    axes: node.axes,
    seed: node.seed,
    marks: marksOf(plan.nodes).get(node.address) ?? [],
    settings: node.settings,
    recipe: node.recipe,
    parents: Object.entries(needsOf(node)).map(([role, key]) => ({ role, key, address: addresses.get(key) ?? null })),
    children: plan.nodes.filter((one) => Object.values(needsOf(one)).includes(node.key)).map((one) => one.address),
    ...(node.accepted && { accepted: acceptedReport(node.accepted, node.preimage) }),
    attempts: await reportAttempts(home, node),
    evaluations: await reportEvaluations(home, node),
    overlap: await readCertificate(home, node),
  };
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderNode(report, terminal.colours));
  return exitCodes.fine;
}

/** Every attempt, newest first: what the store has of it, and what the results know of its memory. */
async function reportAttempts(home: string, node: PlanNode): Promise<AttemptReport[]> {
  const took = await runQuery(home, `SELECT attempt, number FROM facts WHERE key = $key AND name = 'peakMemoryBytes'`, {
    key: node.key,
  });
  const memory = new Map(took.rows.map(([attempt, taken]) => [Number(attempt), Number(taken)]));
  const numbers = attemptNumbers(home, node.key);
  const running = isExecuted(home, node.key) ? numbers[0] : undefined;
  return numbers.map((attempt) => {
    const folder = attemptFolder(home, node.key, attempt);
    const inspection = inspectAttempt(home, node.key, attempt);
    switch (inspection.state) {
      case 'whole': {
        const { files, facts, provenance } = inspection.artifact;
        const peakMemoryBytes = memory.get(attempt) ?? null;
        // Of a GPU another memory is planned than the machine's, which is what was measured.
        const plannedMemoryBytes = provenance.device === 'cpu' ? (memoryOf(node)?.peak ?? null) : null;
        return { attempt, folder, state: 'done', files, facts, provenance, peakMemoryBytes, plannedMemoryBytes };
      }
      case 'damaged':
        return { attempt, folder, state: 'damaged', reason: inspection.reason };
      case 'unfinished': {
        const checkpoint = latestCheckpoint(folder)?.step ?? null;
        const failure = failureIn(folder);
        if (attempt === running) return { attempt, folder, state: 'running', checkpoint };
        if (failure === undefined) return { attempt, folder, state: 'interrupted', checkpoint };
        return { attempt, folder, state: 'failed', checkpoint, failure: `${failure.message} (${failure.kind})` };
      }
      default:
        return inspection satisfies never;
    }
  });
}

/** What the newest attempt of a certificate found, whether it passed or not; null of other nodes. */
async function readCertificate(home: string, node: PlanNode): Promise<NodeReport['overlap']> {
  const newest = attemptNumbers(home, node.key)[0];
  if (node.type !== 'overlap' || newest === undefined) return null;
  const path = join(attemptFolder(home, node.key, newest), 'model', 'overlap.json');
  return existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as Certificate) : null;
}

/** The figures of a model, or those that an evaluation made. */
async function reportEvaluations(home: string, node: PlanNode): Promise<NodeReport['evaluations']> {
  const { rows } = await runQuery(
    home,
    `SELECT suite, task, metric, value, low, high, n FROM latest_evaluations
     WHERE ${node.type === 'evaluate' ? 'key' : 'model'} = $key
     ORDER BY suite, task != 'all', task, metric`,
    { key: node.key },
  );
  return rows.map(([suite, task, metric, value, low, high, n]) => ({
    suite: String(suite),
    task: String(task),
    metric: String(metric),
    value: Number(value),
    low: numberOrNull(low),
    high: numberOrNull(high),
    n: numberOrNull(n),
  }));
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}
