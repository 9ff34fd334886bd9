/*
 * What things are called on a Temporal server, and their limits. Names are part of histories: they may be added to,
 * never changed. Imports nothing, so that processes which only need a name start fast.
 */

/** Temporal takes 2,000 pending activities; far fewer keep every workflow task short. */
export const widestWindow = 200;

/** Id of the workflow that runs a plan. The same plan is the same workflow: who runs it again joins. */
export function lineageWorkflowId(lineage: string, planDigest: string): string {
  return `lineage-${lineage}-${planDigest.slice(0, 12)}`;
}

/**
 * Id of the workflow that trains a node, for every lineage that needs it. A node that is forced has one for its attempt:
 * a workflow that ends with an older attempt would be no answer to it.
 */
export function nodeWorkflowId({ key, attempt }: { key: string; attempt?: number }): string {
  return attempt === undefined ? `node-${key}` : `node-${key}-${attempt}`;
}

/** Id, inside its workflow, of the activity that executes a node: `execute` in its own, numbered in a lineage's. */
export function executeActivityId(index?: number): string {
  return index === undefined ? 'execute' : `execute-${index}`;
}

/** Queue of the one writer to DuckDB. */
export function resultsQueue(queue: string): string {
  return `${queue}-results`;
}

/** Queue of a device class. */
export function deviceQueue(queue: string, device: string): string {
  return `${queue}-${device}`;
}

/** Search attributes by which workflows can be found, with the command line's names of their types. */
export const searchAttributeTypes = {
  LineageId: 'Keyword',
  Stage: 'Keyword',
  NodeKey: 'Keyword',
  Seed: 'Int',
  Verdict: 'Keyword',
} as const;

/** The words that give a namespace all of them; those that it has stay as they are. */
export function searchAttributeCommand(namespace: string): string {
  const each = Object.entries(searchAttributeTypes).map(([name, type]) => `--name ${name} --type ${type}`);
  return `temporal operator search-attribute create --namespace ${namespace} ${each.join(' ')}`;
}
