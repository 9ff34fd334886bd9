import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { NodeInPlan } from '../planner/compare.ts';
import { addressNow } from '../planner/moved.ts';
import type { Plan } from '../planner/plan.ts';
import { plainAddress } from '../planner/signature.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode } from './find-node.ts';
import { planFile } from './lineage-file.ts';

/** What a person names on the command line: a whole plan, or a node in one. */
export type Subject = { kind: 'plan'; plan: Plan } | ({ kind: 'node' } & NodeInPlan);

/**
 * What a text stands for, in this order: a lineage file; a frozen plan of a home; a lineage that was run, as
 * it was run last; a node, by its address or the beginning of its key. `file.yaml:address` is a node of a lineage file,
 * `lineage:address` one of a lineage that was run; a signature in an address may be spelled in any way. Throws a CommandError where it stands for nothing.
 */
export async function findSubject(text: string, context: Context): Promise<Subject> {
  const plan = await findPlan(text, context);
  if (plan) return { kind: 'plan', plan };
  const colon = text.indexOf(':');
  const within = colon > 0 ? await findPlan(text.slice(0, colon), context) : undefined;
  if (!within) return { kind: 'node', ...(await findNode(findHome(context.cwd, context.env), text, null)) };
  const address = text.slice(colon + 1);
  const current = addressNow(within.declared.moved ?? [], address);
  const node = [address, plainAddress(address), current].flatMap(
    (name) => within.nodes.find((one) => one.address === name) ?? [],
  )[0];
  if (node) return { kind: 'node', plan: within, node };
  const { closest } = await import('fastest-levenshtein');
  const near = closest(
    address,
    within.nodes.map((one) => one.address),
  );
  throw new CommandError(`${text.slice(0, colon)} has no node ${address}`, `did you mean ${near}?`);
}

/** A plan by the path of a file or the name of a lineage; undefined where the text is neither. */
async function findPlan(text: string, context: Context): Promise<Plan | undefined> {
  const path = resolve(context.cwd, text);
  if (existsSync(path) && path.endsWith('.json')) return await readPlanFile(path);
  if (existsSync(path) && /\.ya?ml$/.test(path)) {
    const planned = await planFile(path, context);
    if (planned.ok) return planned.plan;
    throw new CommandError(`${text} has errors`, `descent validate ${text}`);
  }
  if (!/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(text)) return undefined;
  const [newest] = plansRun(findHome(context.cwd, context.env), text);
  return newest;
}

const frozenPlans = 'the plans that were run lie in the home, below plans/';

/** A plan as it is frozen for a run. Throws a CommandError for any other file. */
async function readPlanFile(path: string): Promise<Plan> {
  let plan: Partial<Plan>;
  try {
    plan = JSON.parse(await readFile(path, 'utf8')) as Partial<Plan>;
  } catch (error) {
    throw new CommandError(`${path} is not a plan`, frozenPlans, error);
  }
  if (plan?.plan !== 1 || !Array.isArray(plan.nodes)) {
    throw new CommandError(`${path} is not a plan that this Descent can read`, frozenPlans);
  }
  return plan as Plan;
}
