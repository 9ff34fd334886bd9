import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Claim, claimNode } from '../activities/claim.ts';
import { isReason } from '../planner/checks/accept.ts';
import { nodeOf } from '../planner/compare.ts';
import { didYouMean, listed } from '../planner/diagnostic.ts';
import type { Plan, PlanNode } from '../planner/plan.ts';
import { isTraining } from '../planner/stages.ts';
import type { Manifest } from '../schemas/types/manifest.ts';
import { adoptModel, headOfType } from '../store/adopt.ts';
import { newestWhole } from '../store/artifact.ts';
import { type ExpectedModel, modelProblems, readJson } from '../store/foreign-model.ts';
import { findHome } from '../store/home.ts';
import { writePlan } from '../store/plans.ts';
import { bytes, counted, shortKey } from '../words/figures.ts';
import { catchUp } from './catch-up.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { planFile, refuse } from './lineage-file.ts';
import { judgeAgainstStore } from './plan.ts';
import { shellWord } from './shell.ts';

/**
 * `descent adopt FOLDER FILE --as NODE --reason TEXT`: a model that was trained elsewhere enters the store under a node's
 * key, once it is known that it could be that node's. Exit code 3, and nothing is written, where it could not.
 */
export async function adopt(
  folder: string,
  file: string,
  options: { as: string; reason: string },
  context: Context,
): Promise<ExitCode> {
  const { terminal } = context;
  const path = absolute(context, folder);
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    throw new CommandError(`${folder} is no folder`, 'name the folder that holds config.json and model.safetensors');
  if (!isReason(options.reason))
    throw new CommandError(
      `${JSON.stringify(options.reason)} is no reason that somebody else could follow`,
      'say in some words where the model is from and why it may stand for the node',
    );
  const planned = await planFile(file, context);
  if (!planned.ok) return refuse(file, planned, {}, context);
  const { plan } = planned;
  const node = adoptable(plan, options.as);
  const home = findHome(context.cwd, context.env);
  refuseDone(home, node, file);

  const expected: ExpectedModel = {
    name: node.address,
    architecture: node.architecture,
    head: headOfType(node.type),
    tokenizer: knownTokenizer(home, plan, node),
  };
  const problems = modelProblems(path, expected);
  if (problems.length > 0) {
    const { red } = terminal.errorColours;
    const head = `${red('error:')} ${folder} cannot stand for ${node.address}: ${counted(problems.length, 'problem')}`;
    terminal.err([head, ...problems.map((problem) => `  - ${problem}`)].join('\n'));
    return exitCodes.refused;
  }
  const claim = await claimOrRefuse(home, node);
  let manifest: Manifest;
  let planDigest: string;
  try {
    refuseDone(home, node, file);
    manifest = await adoptModel(home, node, path, options.reason);
    // While it is claimed, so that `descent gc` at no moment finds a node that is neither claimed nor in a plan.
    planDigest = await writePlan(home, plan);
  } finally {
    claim.release();
  }
  await catchUp(home, plan, planDigest, await judgeAgainstStore(plan, context));
  const size = manifest.files.reduce((sum, one) => sum + one.bytes, 0);
  terminal.out(
    [
      `adopted ${node.address} (${shortKey(node.key)}) as attempt ${manifest.attempt}: ${counted(manifest.files.length, 'file')}, ${bytes(size)}`,
      ...(expected.tokenizer
        ? []
        : ['  its tokenizer could not be compared: nothing that the node descends from is in the store']),
      `  see it:    descent show ${shellWord(node.address)}`,
      `  go on:     descent run ${shellWord(file)}`,
    ].join('\n'),
  );
  return exitCodes.fine;
}

/** A node that a model can stand for. */
type ModelNode = PlanNode & { architecture: NonNullable<PlanNode['architecture']> };

/** The node at an address. Throws a CommandError where there is none, or it leaves no model that could be adopted. */
function adoptable(plan: Plan, address: string): ModelNode {
  const node = plan.nodes.find((one) => one.address === address);
  const models = plan.nodes.filter(isModel).map((one) => one.address);
  if (!node) {
    const variants = models.filter((one) => one.replace(/@.*/, '') === address);
    const hint =
      variants.length > 0
        ? `name one of ${listed(variants)}`
        : (didYouMean(address, models) ?? `there are ${listed(models)}`);
    throw new CommandError(`the file has no node ${address}`, hint);
  }
  if (node.type === 'trunk')
    throw new CommandError(
      `${address} is a trunk: what goes on from it needs the state of its optimizer, which a model does not have`,
      `models are adopted: ${listed(models)}`,
    );
  if (node.type === 'adopt')
    throw new CommandError(`${address} is adopted from where the lineage file says`, 'descent run does that');
  if (!isModel(node)) throw new CommandError(`${address} is no model`, `models are adopted: ${listed(models)}`);
  if (node.accepted)
    throw new CommandError(
      `${address} stands on the accepted artifact ${shortKey(node.key)} already`,
      'remove its entry under `accept` to adopt another',
    );
  return node;
}

/** A trunk is none: it leaves the state of its optimizer too, which no model folder has. */
function isModel(node: PlanNode): node is ModelNode {
  return node.architecture !== null && isTraining(node.type);
}

function refuseDone(home: string, node: PlanNode, file: string): void {
  const there = newestWhole(home, node.key);
  if (!there) return;
  const message = `${node.address} is in the store already: attempt ${there.attempt}, done ${there.provenance.finishedAt.slice(0, 10)}`;
  throw new CommandError(message, `descent plan ${shellWord(file)} reuses it`);
}

/** Claims a node as those do who train it. Throws a CommandError where somebody is at it. */
async function claimOrRefuse(home: string, node: PlanNode): Promise<Claim> {
  const taken = new AbortController();
  try {
    return await claimNode(home, node.key, {
      staleSeconds: 30,
      stopSeconds: 30,
      signal: taken.signal,
      onWait: () => taken.abort(),
    });
  } catch (error) {
    if (!taken.signal.aborted) throw error;
    const message = `${node.address} is being trained or adopted by another process`;
    throw new CommandError(message, 'wait for it, or interrupt it', error);
  }
}

/** The tokenizer of the nearest node that this one descends from and that the store has. */
function knownTokenizer(home: string, plan: Plan, node: PlanNode): ExpectedModel['tokenizer'] {
  for (let next = parentOf(plan, node); next; next = parentOf(plan, next)) {
    const artifact = newestWhole(home, next.key);
    const path = `${artifact?.model}/tokenizer.json`;
    // Away, it is passed over, as it would have to be fetched; the next that has it here is of the same tokenizer.
    if (artifact?.files.some((file) => file.path === path) && existsSync(join(artifact.folder, path)))
      return { json: readJson(join(artifact.folder, path)), of: next.address };
  }
  return undefined;
}

function parentOf(plan: Plan, { parents }: PlanNode): PlanNode | undefined {
  return nodeOf(plan, parents.parent ?? parents.tokenizer);
}
