import { readFileSync, statSync } from 'node:fs';
import { checkDevices, placesByName } from '../planner/checks/devices.ts';
import { checkDownloads, hubOf } from '../planner/checks/hub.ts';
import { type Diagnostic, diagnose, formatDiagnostics, sortDiagnostics } from '../planner/diagnostic.ts';
import { type Planned, planLineage } from '../planner/expand.ts';
import { loadLineage } from '../planner/load.ts';
import type { PlanNode } from '../planner/plan.ts';
import { modelProblems } from '../store/foreign-model.ts';
import { findHome } from '../store/home.ts';
import { plansRun } from '../store/plans.ts';
import { storedIn } from '../store/stored.ts';
import { loadConfig } from './config.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { Refusal } from './failure.ts';
import { hubConfigs } from './hub-config.ts';
import { type PlanInFile, planIn } from './plan-file.ts';
import { shellWord } from './shell.ts';

/**
 * Reads, checks and expands a lineage file, named as it was on the command line: that is how diagnostics name it. What it
 * accepts is looked up in the store of the home, and what it is placed on in temporal.config.
 */
export async function planFile(file: string, { cwd, env }: Pick<Context, 'cwd' | 'env'>): Promise<Planned> {
  const loaded = await loadLineage(file);
  if (!loaded.ok) return { ...loaded, diagnostics: planInstead(file) ?? loaded.diagnostics };
  const home = findHome(cwd, env);
  const earlier = () => plansRun(home, loaded.lineage.file.lineage);
  const planned = await planLineage(loaded.lineage, {
    findStored: storedIn(home),
    earlier,
    findConfig: hubConfigs(home, env),
    findProblems: (folder, expected) => modelProblems(folder, { ...expected, tokenizer: undefined }),
  });
  const valid = planned.ok ? planned : planned.overBudget;
  if (valid && placesByName(valid.source)) {
    const { config } = await loadConfig(cwd, env);
    const unknown = checkDevices(valid.source, Object.keys(config.devices));
    valid.warnings = sortDiagnostics([...valid.warnings, ...unknown]);
  }
  return planned;
}

/** Whether an argument can only be a lineage file: no lineage is called so. */
export function isLineageFile(text: string): boolean {
  return /\.ya?ml$/.test(text);
}

/** That a lineage file, named as it was on the command line, cannot be read or has errors. */
export function refusalOf(file: string, diagnostics: readonly Diagnostic[]): Refusal {
  const unreadable = diagnostics.find(({ code }) => code === 'file-unreadable');
  return unreadable
    ? new Refusal(`${file}: ${unreadable.message}`, unreadable.hint)
    : new Refusal(`${file} has errors`, `descent validate ${shellWord(file)}`);
}

/** That a plan is named where a lineage file should be: what its keys lack as a lineage is of no use to anybody. */
function planInstead(file: string): Diagnostic[] | undefined {
  if (!file.endsWith('.json') || !statSync(file, { throwIfNoEntry: false })?.isFile()) return undefined;
  const kind = planIn(readFileSync(file, 'utf8'));
  return kind && [notLineage[kind](file)];
}

const notLineage: Record<PlanInFile['kind'], (file: string) => Diagnostic> = {
  written: (file) =>
    diagnose(file, wholeFile, 'file-unreadable', 'this is a written plan, not a lineage file', {
      hint: `run it: descent run --plan ${shellWord(file)}`,
    }),
  frozen: (file) =>
    diagnose(file, wholeFile, 'file-unreadable', 'this is a plan that a run has frozen, not a lineage file', {
      hint: `compare it: descent diff ${shellWord(file)} <lineage file>`,
    }),
};

const wholeFile = { line: 0, column: 1, length: 1 };

/** Why nodes of a lineage file cannot run although they can be planned; undefined where they can. */
export function findDownloads(
  { source }: Extract<Planned, { ok: true }>,
  nodes: readonly PlanNode[],
): Extract<Planned, { ok: false }> | undefined {
  const diagnostics = sortDiagnostics([...checkDownloads(source, nodes)]);
  return diagnostics.length > 0 ? { ok: false, diagnostics, text: source.text } : undefined;
}

/** What the price of nodes that need the Hugging Face Hub is made of. Empty where none does. */
export function estimateNotes(nodes: readonly PlanNode[]): string[] {
  if (!nodes.some(hubOf)) return [];
  return [
    'nothing was downloaded: tokens are as the lineage file says, how much there is on the Hub is not known, and times are without a download',
  ];
}

/** That nodes need the Hugging Face Hub: a lineage with such is right, and Descent does not run it. Empty where none does. */
export function downloadNotes(nodes: readonly PlanNode[]): string[] {
  const addresses = nodes.filter((node) => hubOf(node)).map(({ address }) => address);
  if (addresses.length === 0) return [];
  return [
    `to plan, not to run: Descent downloads models and benchmarks from the Hugging Face Hub, and no other data or tokenizers yet (${addresses.join(', ')})`,
  ];
}

/** What `--json` prints for a file that was checked. */
export interface Finding {
  file: string;
  ok: boolean;
  nodes: number;
  diagnostics: Diagnostic[];
}

/** What there is to say of a file that was read. */
export function findingOf(file: string, planned: Planned): Finding {
  return planned.ok
    ? { file, ok: true, nodes: planned.plan.nodes.length, diagnostics: planned.warnings }
    : { file, ok: false, nodes: 0, diagnostics: planned.diagnostics };
}

/**
 * Ends a verb whose file is invalid: prints what is wrong, for a person, or with `json` as `validate --json` does, in one
 * line, as readers of `run --json` expect.
 */
export function refuse(
  file: string,
  refused: Extract<Planned, { ok: false }>,
  { json }: { json?: true },
  context: Context,
): ExitCode {
  if (json) context.terminal.out(JSON.stringify([findingOf(file, refused)]));
  else printDiagnostics(refused, context);
  return exitCodes.refused;
}

/** Prints what a person should know of a valid lineage file on standard error; nothing where there is nothing. */
export function printWarnings({ warnings, source }: Extract<Planned, { ok: true }>, context: Context): void {
  if (warnings.length > 0) printDiagnostics({ diagnostics: warnings, text: source.text }, context);
}

/** Prints what is wrong with a lineage file on standard error. */
export function printDiagnostics(refused: { diagnostics: Diagnostic[]; text: string }, context: Context): void {
  const { terminal } = context;
  const colour = terminal.errorColours.isColorSupported;
  terminal.err(formatDiagnostics(refused.diagnostics, refused.text, { colour }));
}
