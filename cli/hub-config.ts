import { join } from 'node:path';
import { configAt } from '../hub/config.ts';
import { HubError } from '../hub/errors.ts';
import { hubSettings } from '../hub/settings.ts';
import type { FindConfig } from '../planner/checkpoints.ts';
import { readNote, writeNote } from '../store/notes.ts';

/**
 * What config.json of a repository on the Hugging Face Hub says, for planning: a commit's is asked for once, and kept in the
 * home from then on, so that what was planned is planned again without a network.
 */
export function hubConfigs(home: string, env: NodeJS.ProcessEnv): FindConfig {
  return async (hub, revision) => {
    const path = join(home, 'hub', ...hub.split('/'), `${revision}.json`);
    const kept = readNote<object>(path);
    if (kept) return { ok: true, config: kept };
    try {
      const config = await configAt(hubSettings(env), { hub, revision });
      if (typeof config === 'object' && config !== null) writeNote(path, config);
      return { ok: true, config };
    } catch (error) {
      if (!(error instanceof HubError)) throw error;
      return { ok: false, problem: `cannot be planned: ${error.message}`, hint: hints[error.kind] };
    }
  };
}

const hints: Record<HubError['kind'], string> = {
  'no-network': 'try again; what was planned once is planned again without a network',
  'no-access': 'or adopt a folder: adopt: {folder: ...}',
  'bad-download': 'try again',
};
