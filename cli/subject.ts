import { resolve } from 'node:path';
import type { NodeInPlan } from '../planner/compare.ts';
import { didYouMean } from '../planner/diagnostic.ts';
import { addressNow } from '../planner/moved.ts';
import type { Plan } from '../planner/plan.ts';
import { plainAddress } from '../planner/signature.ts';
import { importedNames, readImport } from '../results/imports.ts';
import { lineageOf, publicationIn, publications } from '../results/publications.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';
import type { Context } from './context.ts';
import { CommandError } from './failure.ts';
import { findNode } from './find-node.ts';
import { planFile, refusalOf } from './lineage-file.ts';
import { readPlanFile } from './plan-file.ts';

/** What a person names on the command line: a whole plan, or a node in one. */
export type Subject = { kind: 'plan'; plan: Plan } | ({ kind: 'node' } & NodeInPlan);

/**
 * What a text stands for, in this order: a lineage file; a plan in a file, written or frozen; a lineage that was run, as
 * it was run last, or was imported; a node, by its address or the beginning of its key. `file.yaml:address` is a node of a lineage file,
 * `lineage:address` one of a lineage that was run; a signature in an address may be spelled in any way. Throws a
 * CommandError where it stands for nothing, and a Refusal where it is a file that is not there or not valid.
 */
export async function findSubject(text: string, context: Context): Promise<Subject> {
  const plan = await findPlan(text, context);
  if (plan) return { kind: 'plan', plan };
  const colon = text.indexOf(':');
  const within = colon > 0 ? await findPlan(text.slice(0, colon), context) : undefined;
  const missing = publications.map(lineageOf).find((name) => text === name || text.startsWith(`${name}:`));
  if (!within && missing !== undefined)
    throw new CommandError(`${missing} is not imported yet`, `descent import ${missing}`);
  if (!within) return { kind: 'node', ...(await findNode(findHome(context.cwd, context.env), text, null)) };
  const address = text.slice(colon + 1);
  const spelled = [address, plainAddress(address)];
  const now = spelled.map((name) => addressNow(within.declared.moved ?? [], name));
  const node = [...spelled, ...now].flatMap((name) => within.nodes.find((one) => one.address === name) ?? [])[0];
  if (node) return { kind: 'node', plan: within, node };
  const near = didYouMean(
    address,
    within.nodes.map((one) => one.address),
  );
  throw new CommandError(
    `${text.slice(0, colon)} has no node ${address}`,
    near ?? `\`descent graph ${text.slice(0, colon)}\` shows those it has`,
  );
}

/** Whether a text can only be the path of a file: no address and no name begins or ends so. */
function isPath(text: string): boolean {
  return /\.(ya?ml|json)$/.test(text) || /^(\.{0,2}\/[^:]*|\.{1,2})$/.test(text);
}

/** A plan by the path of a file or the name of a lineage; undefined where the text is neither. */
async function findPlan(text: string, context: Context): Promise<Plan | undefined> {
  const path = resolve(context.cwd, text);
  if (text.endsWith('.json')) {
    const read = await readPlanFile(path, text);
    return read.kind === 'written' ? read.written.plan : read.plan;
  }
  if (isPath(text)) {
    const planned = await planFile(path, context);
    if (planned.ok) return planned.plan;
    throw refusalOf(text, planned.diagnostics);
  }
  const home = findHome(context.cwd, context.env);
  const publication = publicationIn(text);
  if (publication !== undefined && (await importedNames(home)).includes(publication))
    return (await readImport(home, publication)).plan;
  if (!/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/.test(text)) return undefined;
  const [newest] = plansRun(home, text);
  return newest;
}
