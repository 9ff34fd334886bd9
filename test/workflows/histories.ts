import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** The folder of package.json; this file is compiled into dist/test/workflows/. */
export const packageRoot: string = fileURLToPath(new URL('../../../', import.meta.url));

/** Saved histories, in a folder for each version that has its own shape of workflows: `0.1/lineage-failing-1.json.gz`. */
export const historiesFolder: string = join(packageRoot, 'test', 'workflows', 'histories');

/** This version, without its patch number, which changes no workflow: `0.1`. */
export const version: string = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  .version.split('.')
  .slice(0, 2)
  .join('.');

/** A workflow's history, in Temporal's JSON, as far as tests look at it. */
export interface SavedHistory {
  /** `0.1/lineage-failing-1`. */
  name: string;
  workflowId: string;
  history: { events: HistoryEvent[] };
}

/** An event with what its type has. */
export type HistoryEvent = { eventId: string; eventType: string } & Record<string, unknown>;

/** All saved histories, by name. Throws where one cannot be read. */
export function savedHistories(): SavedHistory[] {
  return readdirSync(historiesFolder)
    .sort()
    .flatMap((folder) =>
      readdirSync(join(historiesFolder, folder))
        .sort()
        .map((file) => readHistory(folder, file)),
    );
}

function readHistory(folder: string, file: string): SavedHistory {
  const history = JSON.parse(gunzipSync(readFileSync(join(historiesFolder, folder, file))).toString('utf8'));
  const { workflowId } = history.events[0].workflowExecutionStartedEventAttributes;
  return { name: `${folder}/${file.replace('.json.gz', '')}`, workflowId, history };
}
