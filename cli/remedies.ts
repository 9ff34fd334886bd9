/** What to do about a node that failed, by the kind of its failure. */
export function remedyFor(kind: string): string {
  return REMEDIES[kind] ?? 'the logs are in the home, below logs/; `descent run` tries it again';
}

const AGAIN = '`descent run` goes on from its newest checkpoint';

const REMEDIES: Readonly<Record<string, string>> = {
  diverged:
    'lower its lr, lengthen its warmup or give clip a smaller value above 0 (0 is off), then `descent run` again',
  'out-of-memory': `make its batch smaller, or run fewer nodes at once (devices.slots in temporal.config); ${AGAIN}`,
  'disk-full': `free some space; ${AGAIN}`,
  'device-lost': `see that the device works (\`descent doctor\`); ${AGAIN}`,
  'bad-data': 'mend the data or ask for less of it in the lineage file, then `descent run` again',
  'bad-job': 'mend the stage in the lineage file, then `descent run` again',
  'bad-events': 'its trainer breaks the contract: see docs, and the configured `trainer` in temporal.config',
  'no-trainer': 'run `descent doctor`, which says what is missing',
  'no-parent': 'its parent was removed or damaged; `descent run` makes it again',
  'accepted-gone': 'bring the artifact back, or remove the entry under `accept`, and the node is trained anew',
  'timed-out': `raise \`timeout\` in its placement; ${AGAIN}`,
  killed: `look for what ended it (memory, a person); ${AGAIN}`,
  fenced: 'another process took it over; `descent status` shows how it stands',
};
