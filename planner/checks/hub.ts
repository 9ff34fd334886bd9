import { type Diagnostic, diagnose } from '../diagnostic.ts';
import type { PlanNode } from '../plan.ts';
import type { Source } from '../syntax.ts';

/**
 * What a node takes from the Hugging Face Hub that Descent does not download; undefined for all that are made of what is here,
 * and for benchmarks at a commit, which are small.
 */
export function hubOf(node: PlanNode): { hub: string; revision: string } | undefined {
  if (node.type !== 'data' && node.type !== 'tokenizer') return undefined;
  if (!('hub' in node.recipe)) return undefined;
  return 'benchmark' in node.recipe && node.recipe.revision !== 'unpinned' ? undefined : node.recipe;
}

/**
 * Checks that nodes can run: Descent plans with what is on the Hugging Face Hub, and downloads models and benchmarks alone. A
 * diagnostic for each other data set and tokenizer from there, at its place in the file.
 */
export function* checkDownloads(source: Source, nodes: readonly PlanNode[]): Generator<Diagnostic> {
  for (const node of nodes) {
    const hub = hubOf(node);
    if (!hub) continue;
    const [type = '', name = ''] = node.address.split(':');
    const path = [type === 'data' ? type : `${type}s`, name];
    const unpinned = hub.revision === 'unpinned';
    const place = source.place([...path, unpinned ? 'revision' : 'hub']);
    const what = type === 'data' ? 'the data set' : 'the tokenizer';
    const message = unpinned
      ? `${what} \`${name}\` is of no certain revision of ${hub.hub}, so this can be planned and not run`
      : `${what} \`${name}\` is on the Hugging Face Hub (${hub.hub}), and Descent downloads models and benchmarks from it, and no other data or tokenizers yet`;
    const hint =
      type === 'data'
        ? `download the files below the folder of the lineage file, and name them: ${name}: {files: ...}`
        : `train one with \`bpe\`, or use \`bytes\`: ${name}: {bpe: {vocab: ..., data: [...]}}`;
    yield diagnose(source.file, place, 'bad-files', message, { hint });
  }
}
