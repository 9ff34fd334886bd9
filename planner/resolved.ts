import type { LineageFile } from '../schemas/types/lineage.ts';
import type { Ancestry } from './ancestry.ts';
import type { DiagnosticCode } from './diagnostic.ts';
import type { Key, PlanNode, Task } from './plan.ts';
import type { Path } from './syntax.ts';

/** What resolving needs besides the stage. */
export interface Surroundings {
  file: LineageFile;
  /** Keys of the data nodes, by role. */
  dataKeys: Readonly<Record<string, Key>>;
  /** Told what does not fit; the path says where. */
  report(path: Path, code: DiagnosticCode, message: string, hint?: string): void;
}

/** A stage with its axes fixed: the exact task. */
export interface Resolved {
  task: Task;
  settings: PlanNode['settings'];
}

/** A stage that trains a model, with its axes fixed, and what a stage after it starts from. */
export interface ResolvedStage extends Resolved {
  ancestry: Ancestry;
}
