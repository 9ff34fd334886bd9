import { type Diagnostic, formatDiagnostics } from '../planner/diagnostic.ts';
import { planLineage } from '../planner/expand.ts';
import { loadLineage } from '../planner/load.ts';
import type { Plan } from '../planner/plan.ts';
import type { Context } from './context.ts';

/** A lineage file, read: its plan, or everything that is wrong with it. */
export type PlannedFile = { ok: true; plan: Plan } | { ok: false; diagnostics: Diagnostic[]; text: string };

/** Reads, checks and expands a lineage file, named as it was on the command line: that is how diagnostics name it. */
export async function planFile(file: string): Promise<PlannedFile> {
  const loaded = await loadLineage(file);
  return loaded.ok ? planLineage(loaded.lineage) : loaded;
}

/** Prints what is wrong with a lineage file on standard error. */
export function printDiagnostics(refused: { diagnostics: Diagnostic[]; text: string }, context: Context): void {
  const { terminal } = context;
  const colour = terminal.errorColours.isColorSupported;
  terminal.err(formatDiagnostics(refused.diagnostics, refused.text, { colour }));
}
