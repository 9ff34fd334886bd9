import type { NodeType } from '../planner/plan.ts';

/** What to do about a node that failed, by the kind of its failure and its type. */
export function remedyFor(kind: string, type: NodeType): string {
  if (kind === 'bad-data' && type === 'adopt')
    return 'mend the model, or name another folder or commit in the stage, then `descent run` again';
  return REMEDIES[kind] ?? 'the logs are in the home, below logs/; `descent run` tries it again';
}

/** What to do about a file or folder that could not be used, by the system's code; null for what is no such code. */
export function remedyForFile(code: string): string | null {
  return FILE_REMEDIES[code] ?? null;
}

const FILE_REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'see whose it is and who may write it (`ls -ld`), or name another place',
  EPERM: 'see whose it is and who may write it (`ls -ld`), or name another place',
  EROFS: 'that file system is read-only: name another place',
  ENOSPC: 'free some space, or name another place',
  EDQUOT: 'free some of what you may use there, or name another place',
  ENOTDIR: 'a part of that path is a file where a folder is needed: name another place',
  EISDIR: 'that is a folder where a file is needed: name a file',
};

const AGAIN = '`descent run` goes on from its newest checkpoint';

const REMEDIES: Readonly<Record<string, string>> = {
  diverged:
    'lower its lr, lengthen its warmup or give clip a smaller value above 0 (0 is off), then `descent run` again',
  'out-of-memory': `make its batch smaller, or run fewer nodes at once (devices.slots in temporal.config); ${AGAIN}`,
  'disk-full': `free some space; ${AGAIN}`,
  'device-lost': `see that the device works (\`descent doctor\`); ${AGAIN}`,
  'bad-data': 'mend the data or ask for less of it in the lineage file, then `descent run` again',
  'no-network': `see whether the server that it names can be reached (HF_ENDPOINT, or \`storage\` in temporal.config); \`descent run\` goes on with what came`,
  'no-access': 'do what the message says, then `descent run` again',
  'bad-download':
    'do what the message says, or see what stands between here and the server (a proxy, a mirror), then `descent run` again',
  'bad-job': 'mend the stage in the lineage file, then `descent run` again',
  'bad-events':
    'a trainer of your own (`trainer` or `engines` in temporal.config) says something else than events: docs/architecture.md has the contract',
  'no-trainer':
    'name the program in temporal.config, or correct it there; or run `descent doctor`, which says what is missing',
  'no-parent': 'its parent was removed or damaged; `descent run` makes it again',
  'accepted-gone': 'bring the artifact back, or remove the entry under `accept`, and the node is trained anew',
  'timed-out': `raise \`timeout\` in its placement; ${AGAIN}`,
  'no-launcher':
    'do what the message says, or correct the launcher of its device class in temporal.config, then `descent run` again',
  'no-cluster': `see that the cluster answers where the worker runs (squeue, kubectl get jobs); ${AGAIN}`,
  'job-cancelled': `ask whoever cancelled it; ${AGAIN}`,
  'time-limit': `give its launcher a longer walltime in temporal.config: not one checkpoint was reached in it; ${AGAIN}`,
  killed: `look for what ended it (memory, a person); ${AGAIN}`,
  fenced: 'another process took it over; `descent status` shows how it stands',
};
