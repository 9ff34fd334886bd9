import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hubOf } from '../planner/checks/hub.ts';
import { partToDo } from '../planner/estimate.ts';
import type { Key, Plan, PlanNode } from '../planner/plan.ts';
import { reasonText } from '../planner/reason.ts';
import { type Verdict, verdictOf } from '../planner/verdict.ts';
import { digestOfFile } from '../store/digest.ts';
import { counted } from '../words/figures.ts';
import { absolute, type Context } from './context.ts';
import { Refusal } from './failure.ts';
import { judgeAgainstStore } from './plan.ts';
import { digestOfText, readPlanFile, refuseOtherVersions, type WrittenPlan } from './plan-file.ts';
import { nodesToRun } from './render/plan.ts';

/** A written plan that may run, with what to tell about what is different since. */
export interface Admitted {
  plan: Plan;
  verdicts: Map<Key, Verdict>;
  notices: string[];
}

/**
 * A plan that `descent plan -o` wrote, where running it now does what it said, or less. Throws a Refusal that names what
 * differs: this Descent's versions, data files, or nodes that would have more to do than the plan says.
 */
export async function admitPlan(path: string, context: Context): Promise<Admitted> {
  const file = absolute(context, path);
  const read = await readPlanFile(file, path);
  if (read.kind === 'frozen') {
    throw new Refusal(
      `${path} is a plan that a run has frozen, without what was known of its nodes then`,
      `write one to run: descent plan ${read.plan.file} -o plan.json`,
    );
  }
  const { written } = read;
  refuseOtherVersions(path, written);
  await refuseChangedData(path, written);
  const verdicts = await judgeAgainstStore(written.plan, context);
  refuseMoreToDo(path, written, verdicts);
  refuseDownloads(path, nodesToRun(written.plan, verdicts));
  const notices = [...(await lineageFileNotice(written)), ...lessToDo(written, verdicts)];
  return { plan: written.plan, verdicts, notices };
}

/** Differences that a message names. */
const mostNamed = 10;

function refuse(path: string, what: string, lines: readonly string[], hint: string): never {
  const more = lines.length > mostNamed ? [`and ${lines.length - mostNamed} more`] : [];
  const shown = [...lines.slice(0, mostNamed), ...more].map((line) => `  ${line}`);
  throw new Refusal([`${path} cannot be run as it says: ${what}`, ...shown].join('\n'), hint);
}

async function refuseChangedData(path: string, { plan }: WrittenPlan): Promise<void> {
  const changed: string[] = [];
  for (const node of plan.nodes) {
    if (!('digests' in node.recipe)) continue;
    for (const [at, file] of node.files.entries()) {
      const is = existsSync(file) ? (await digestOfFile(file)).sha256 : null;
      if (is === node.recipe.digests[at]) continue;
      changed.push(`${node.address}: ${file} ${is === null ? 'is gone' : 'has other content'}`);
    }
  }
  if (changed.length > 0)
    refuse(path, 'its data changed', changed, 'restore the files, or write the plan anew: descent plan -o');
}

function refuseMoreToDo(path: string, { plan, verdicts: before }: WrittenPlan, now: ReadonlyMap<Key, Verdict>): void {
  const more = plan.nodes.flatMap((node) => {
    const [was, is] = [plannedVerdict(path, node, before), verdictOf(node, now)];
    if (partToDo(node, is) <= partToDo(node, was)) return [];
    return [`${node.address}: ${was.verdict} (${reasonText(node, was)}), now ${is.verdict} (${reasonText(node, is)})`];
  });
  if (more.length > 0) {
    const hint = 'see that this is the home that it was planned for, or write the plan anew: descent plan -o';
    refuse(path, 'more would have to run', more, hint);
  }
}

function refuseDownloads(path: string, nodes: readonly PlanNode[]): void {
  const downloads = nodes.flatMap((node) => {
    const hub = hubOf(node);
    return hub === undefined ? [] : [`${node.address}: ${hub.hub}`];
  });
  if (downloads.length > 0) {
    const hint = 'use files and tokenizers of your own, and write the plan anew: descent plan -o';
    refuse(
      path,
      'Descent downloads models and benchmarks from the Hugging Face Hub, and no other data or tokenizers yet',
      downloads,
      hint,
    );
  }
}

function plannedVerdict(path: string, { key, address }: PlanNode, verdicts: ReadonlyMap<Key, Verdict>): Verdict {
  const verdict = verdicts.get(key);
  if (verdict === undefined)
    throw new Refusal(`${path} has no verdict for ${address}`, 'write it anew: descent plan -o');
  return verdict;
}

function lessToDo({ plan, verdicts: before }: WrittenPlan, now: ReadonlyMap<Key, Verdict>): string[] {
  const less = plan.nodes.filter((node) => {
    const was = before.get(node.key);
    return was !== undefined && partToDo(node, verdictOf(node, now)) < partToDo(node, was);
  });
  return less.length === 0 ? [] : [`${counted(less.length, 'node')} got further since this was planned`];
}

async function lineageFileNotice({ lineageFile: { path, sha256 } }: WrittenPlan): Promise<string[]> {
  if (!existsSync(path)) return [`${path} is gone: the plan is what runs`];
  const same = digestOfText(await readFile(path, 'utf8')) === sha256;
  return same ? [] : [`${path} has changed since this was planned: the plan is what runs`];
}
