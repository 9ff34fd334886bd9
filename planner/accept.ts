import type { Architecture, TokenizerRecipe } from '../schemas/types/job.ts';
import { type Diagnostic, diagnose, didYouMean, listed, shown, warn } from './diagnostic.ts';
import { vocabularyOf } from './inputs.ts';
import type { Lineage } from './load.ts';
import type { Json, Key, PlanNode } from './plan.ts';

/** What a store has under a key. */
export type StoredArtifact = { key: Key } & (
  | {
      state: 'done';
      type: string;
      /** The address that it was made under. */
      address: string;
      preimage: { [name: string]: Json };
      /** Shape of the model that it is; null for whatever is none. */
      architecture: Architecture | null;
    }
  /** Nothing that could be used; why, as the end of a sentence that begins with `it`. */
  | { state: 'unusable'; why: string }
);

/** Finds what a store has under the keys that begin with these digits. */
export type FindStored = (prefix: string) => StoredArtifact[];

/** Gives a node, or the same node standing on the artifact that the file accepts for it. */
export type Accept = (node: PlanNode) => PlanNode;

/** The artifacts that a file accepts. */
export interface Acceptances {
  accept: Accept;
  /**
   * What there is to say once all nodes were made: entries that cannot be, and those that change nothing. `complete` says
   * that no node is missing from `nodes` because of an error.
   */
  review(nodes: readonly PlanNode[], complete: boolean): { errors: Diagnostic[]; warnings: Diagnostic[] };
}

/** An entry of `accept` whose artifact was found. */
interface Entry {
  index: number;
  reason: string;
  stored: Extract<StoredArtifact, { state: 'done' }>;
}

/** Reads the `accept` of a file and looks its artifacts up. A file without it asks `findStored` for nothing. */
export function acceptancesOf({ file, source }: Lineage, findStored: FindStored): Acceptances {
  const errors: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const entries = new Map<string, Entry>();
  const used = new Set<string>();
  const report = (index: number, field: 'node' | 'key', message: string, hint?: string, expected?: string) =>
    errors.push(
      diagnose(source.file, source.place(['accept', index, field]), 'bad-accept', message, { hint, expected }),
    );

  for (const [index, { node, key, reason }] of (file.accept ?? []).entries()) {
    const found = findStored(key);
    const [stored, second] = found;
    if (!stored) {
      const hint = '`descent show` has the keys of nodes; the store is the one of the home (--home, DESCENT_HOME)';
      report(index, 'key', `the store has nothing under the key \`${key}\``, hint);
    } else if (second) {
      const expected = listed(found.map((one) => one.key));
      report(index, 'key', `${found.length} keys of the store begin with \`${key}\``, 'give more digits', expected);
    } else if (stored.state === 'unusable') {
      report(index, 'key', `the artifact \`${key}\` cannot be accepted: it ${stored.why}`);
    } else entries.set(node, { index, reason, stored });
  }

  return {
    accept(node) {
      const entry = entries.get(node.address);
      if (!entry) return node;
      used.add(node.address);
      const { index, reason, stored } = entry;
      if (stored.key === node.key) {
        const message = `this changes nothing: \`${node.address}\` has that key by itself`;
        const place = source.place(['accept', index, 'key']);
        warnings.push(warn(source.file, place, 'no-effect', message, { hint: 'remove the entry' }));
        return node;
      }
      const misfit = misfitOf(node, stored);
      if (misfit !== undefined) {
        const message = `\`${stored.key.slice(0, 12)}\`, made as ${stored.address}, cannot stand for \`${node.address}\`: ${misfit}`;
        report(index, 'key', message);
        return node;
      }
      const { key, preimage } = node;
      return { ...node, key: stored.key, preimage: stored.preimage, accepted: { reason, instead: { key, preimage } } };
    },

    review(nodes, complete) {
      const addresses = nodes.map(({ address }) => address);
      for (const [index, { node }] of (file.accept ?? []).entries()) {
        if (!complete || used.has(node) || addresses.includes(node)) continue;
        const variants = addresses.filter((address) => address.replace(/@[^/]*/, '') === node);
        errors.push(
          diagnose(
            source.file,
            source.place(['accept', index, 'node']),
            'unknown-name',
            `there is no node ${shown(node)}`,
            {
              expected: variants.length > 0 ? listed(variants) : undefined,
              hint: variants.length > 0 ? 'name one variant of it' : didYouMean(node, addresses),
            },
          ),
        );
      }
      return { errors, warnings };
    },
  };
}

/** Why an artifact cannot be what a node is to be; undefined where it can. */
function misfitOf(node: PlanNode, stored: Entry['stored']): string | undefined {
  if (stored.type !== node.type) return `it is of the type ${stored.type}, and the node is ${node.type}`;
  const { seed, parents, recipe } = stored.preimage;
  if (seed !== node.preimage.seed) return `it was made with the seed ${seed}, and the node has ${node.preimage.seed}`;
  switch (node.type) {
    case 'data':
      return undefined;
    case 'tokenizer': {
      const [theirs, ours] = [vocabularyOf(recipe as unknown as TokenizerRecipe), vocabularyOf(node.recipe)];
      return theirs === ours ? undefined : `its vocabulary is ${theirs}, and the node's ${ours}`;
    }
    case 'evaluate': {
      if ((recipe as { suite?: Json }).suite !== node.recipe.suite)
        return `it asks the suite ${(recipe as { suite?: Json }).suite}`;
      return (parents as { parent?: Json }).parent === node.parents.parent ? undefined : 'it evaluates another model';
    }
    default:
      return shapeMisfit(node.architecture, stored.architecture);
  }
}

function shapeMisfit(ours: Architecture | null, theirs: Architecture | null): string | undefined {
  if (!ours || !theirs) return 'it left no model';
  const fields = Object.keys(ours) as (keyof Architecture)[];
  const different = fields.filter((field) => ours[field] !== theirs[field]);
  if (different.length === 0) return undefined;
  return `its model has another shape: ${different.map((field) => `${field} ${theirs[field]}, not ${ours[field]}`).join('; ')}`;
}
