import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { auditKeys, type Versions, versionChanges, versionsUsed } from '../planner/audit.ts';
import { canonicalJson, keyOf, sha256 } from '../planner/key.ts';
import type { Key, Plan } from '../planner/plan.ts';
import type { Verdict } from '../planner/verdict.ts';
import type { PlanFile } from '../schemas/types/plan.ts';
import { ContractError, validatePlanFile } from '../schemas/validate.ts';
import { writeWhole } from '../store/write.ts';
import { CommandError, Refusal } from './failure.ts';
import { shellWord } from './shell.ts';

/** A plan that `descent plan -o` wrote: what would run, and what was known when it was written. */
export interface WrittenPlan {
  plan: Plan;
  verdicts: Map<Key, Verdict>;
  versions: Versions;
  lineageFile: { path: string; sha256: string };
  /** The selectors of `--select`; null without them. */
  select: string[] | null;
}

/** A plan out of a file: one that was written for a person, or one that a run has frozen, which is the plan alone. */
export type PlanInFile = { kind: 'written'; written: WrittenPlan } | { kind: 'frozen'; plan: Plan };

const format = 1;

/**
 * Writes a plan for `descent run --plan`, whole or not at all. `text` is that of the lineage file as it was planned. Only
 * another plan is written over: a CommandError says that something else is there.
 */
export async function writePlanFile(
  path: string,
  plan: Plan,
  text: string,
  verdicts: ReadonlyMap<Key, Verdict>,
  select: string[] | null,
): Promise<void> {
  await refuseOtherFile(path);
  const content: Omit<PlanFile, 'digest'> = {
    format,
    versions: versionsUsed(plan),
    lineageFile: { path: plan.file, sha256: digestOfText(text) },
    select,
    // As JSON has it: what a change has no value before or after is left out.
    verdicts: JSON.parse(
      JSON.stringify(Object.fromEntries(plan.nodes.map(({ key }) => [key, verdicts.get(key)]))),
    ) as PlanFile['verdicts'],
    plan: plan as unknown as PlanFile['plan'],
  };
  await writeWhole(path, `${canonicalJson({ ...content, digest: sha256(canonicalJson(content)) })}\n`);
}

/** What a plan knows its lineage file by: the SHA-256 of its text, without the byte order mark that planning does not see. */
export function digestOfText(text: string): string {
  return sha256(text.replace(/^\ufeff/, ''));
}

/**
 * Throws a CommandError where no plan can be written: in a folder that is not there, over what is no plan, or under a name
 * that is not one of JSON. `named` is how a person wrote the path.
 */
export async function refuseOtherFile(path: string, named: string = path): Promise<void> {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new CommandError(`${named} is a folder`, `name a file: ${join(named, 'plan.json')}`);
  if (!path.endsWith('.json'))
    throw new CommandError('a plan is written as JSON', `name it ${named.replace(/\.ya?ml$/, '')}.json`);
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError(`there is no folder ${dirname(named)}`, `make it, or name another file than ${named}`);
  if (there && planIn(await readFile(path, 'utf8')) !== 'written') {
    throw new CommandError(
      `${named} is there already, and is no plan: nothing is written over it`,
      'name another file',
    );
  }
}

/**
 * A plan out of a file, which messages name as it is `named`. Throws a Refusal for any other file, for a plan of another
 * Descent's format, and for one that was changed after it was written: its keys are computed again from their pre-images.
 */
export async function readPlanFile(file: string, path: string = file): Promise<PlanInFile> {
  const there = statSync(file, { throwIfNoEntry: false });
  if (!there) throw new Refusal(`${path} does not exist`, 'descent plan <file> -o writes a plan');
  if (!there.isFile()) throw new Refusal(`${path} is ${there.isDirectory() ? 'a folder' : 'not a file'}`, frozenPlans);
  if (/\.ya?ml$/.test(path))
    throw new Refusal(`${path} is a lineage file, not a plan`, `run it: descent run ${shellWord(path)}`);
  const value = parse(path, await readFile(file, 'utf8'));
  if (isFrozen(value)) {
    refuseChangedKeys(path, value);
    return { kind: 'frozen', plan: value };
  }
  const found = (value as { format?: unknown } | null)?.format;
  if (Number.isInteger(found) && found !== format) {
    throw new Refusal(
      `${path} has format ${found}, and this Descent reads format ${format}`,
      'write it anew: descent plan -o',
    );
  }
  const { digest, ...content } = checked(path, value);
  const plan = content.plan as unknown as Plan;
  refuseChangedKeys(path, plan);
  if (sha256(canonicalJson(content)) !== digest) {
    throw new Refusal(
      `${path} was changed after it was written: its content does not hash to its digest`,
      'change the lineage file instead, and write the plan anew: descent plan -o',
    );
  }
  const { versions, lineageFile, select } = content;
  const verdicts = new Map(Object.entries(content.verdicts) as [Key, Verdict][]);
  return { kind: 'written', written: { plan, verdicts, versions, lineageFile, select } };
}

/**
 * Refuses a plan that this Descent would compute otherwise than the one that wrote it: with other versions of types or
 * generators, or with nodes that are not what their keys say.
 */
export function refuseOtherVersions(path: string, { plan, versions }: WrittenPlan): void {
  const changes = versionChanges(versions, versionsUsed(plan));
  if (changes.length > 0) {
    const message = `${path} was written by another version of Descent:\n${changes.map((change) => `  ${change}`).join('\n')}`;
    throw new Refusal(message, 'plan the lineage file again with this one: its keys are others');
  }
  refuseBroken(path, auditKeys(plan));
}

const frozenPlans = '`descent plan -o` writes one; those that were run lie in the home, below plans/';

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(`${path} is not a plan`, frozenPlans, error);
  }
}

/** What a run freezes has its nodes at the top. */
function isFrozen(value: unknown): value is Plan {
  const plan = value as Partial<Plan> | null;
  return plan?.plan === 1 && Array.isArray(plan.nodes);
}

function checked(path: string, value: unknown): PlanFile {
  try {
    return validatePlanFile(value);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new Refusal(`${path} is not a plan that this Descent can read`, frozenPlans, error);
  }
}

/** Whatever the versions were: a key is the hash of its pre-image. */
function refuseChangedKeys(path: string, { nodes }: Plan): void {
  const wrong = nodes.filter(({ key, preimage }) => keyOf(preimage) !== key);
  refuseBroken(
    path,
    wrong.map(({ address }) => ({ address, problem: 'its key is not the hash of its pre-image' })),
  );
}

/** Problems that a message names. */
const mostNamed = 5;

function refuseBroken(path: string, problems: readonly { address: string; problem: string }[]): void {
  if (problems.length === 0) return;
  const lines = problems.slice(0, mostNamed).map(({ address, problem }) => `  ${address}: ${problem}`);
  const more = problems.length > mostNamed ? [`  and ${problems.length - mostNamed} more`] : [];
  throw new Refusal(
    [`${path} was changed after it was written:`, ...lines, ...more].join('\n'),
    'change the lineage file instead, and write the plan anew: descent plan -o',
  );
}

/** Which kind of plan a text looks like, whatever is wrong with it; undefined for any other text. */
export function planIn(text: string): PlanInFile['kind'] | undefined {
  try {
    const value = JSON.parse(text) as { format?: unknown; plan?: unknown } | null;
    if (isFrozen(value)) return 'frozen';
    return Number.isInteger(value?.format) && typeof value?.plan === 'object' ? 'written' : undefined;
  } catch {
    return undefined; // not JSON: not a plan
  }
}
