import { type Diagnostic, diagnose, didYouMean, listed, shown, warn } from './diagnostic.ts';
import { preimageChanges } from './elided.ts';
import type { Lineage } from './load.ts';
import { misfitOf, tokenizersOf } from './misfit.ts';
import type { Plan, PlanNode } from './plan.ts';
import { changeText } from './reason.ts';
import type { FindStored, StoredArtifact } from './stored.ts';

/** What a planner is told of earlier work. */
export interface Known {
  /** The artifacts that the file may accept. */
  findStored: FindStored;
  /** The plans that the lineage was run with, the newest first: they have what was accepted instead of what. */
  earlier: () => Iterable<Plan>;
}

/** Digits of a key that an entry is given and shown with. */
const shortest = 12;

/** What an entry of `accept` has to name: a node's address, the key that it keeps, and the one that it has by itself. */
export interface Acceptable {
  node: string;
  key: string;
  instead: string;
}

/** An entry of `accept` as a file has it, but for its reason, which is for a person to say. */
export function acceptEntry({ node, key, instead }: Acceptable): string {
  const short = (digits: string) => JSON.stringify(digits.slice(0, shortest));
  return `{node: ${JSON.stringify(node)}, key: ${short(key)}, instead: ${short(instead)}, reason: "…"}`;
}

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
  /** The beginning of the key that the node's own declaration had when the artifact was accepted for it. */
  instead: string | undefined;
  stored: Extract<StoredArtifact, { state: 'done' }>;
}

/**
 * Reads the `accept` of a file and looks its artifacts up. A file without it asks for nothing that is known. An entry holds
 * for the declaration that it was written for (`instead`): what is edited later, in the node or in what it comes from, is
 * an error there, so that no change is missed.
 */
export function acceptancesOf({ file, source }: Lineage, { findStored, earlier }: Known): Acceptances {
  const errors: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  const entries = new Map<string, Entry>();
  const used = new Set<string>();
  const tokenizers = tokenizersOf(findStored);
  const told = new Set<string>();
  const report = (index: number, field: 'key' | 'instead', message: string, hint?: string, expected?: string) => {
    const same = `${index} ${field}`; // a certificate may be made once for each stage that waits for it
    if (!told.has(same))
      errors.push(
        diagnose(source.file, source.place(['accept', index, field]), 'bad-accept', message, { hint, expected }),
      );
    told.add(same);
  };

  for (const [index, { node, key, instead, reason }] of (file.accept ?? []).entries()) {
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
    } else entries.set(node, { index, reason, instead, stored });
  }

  /** Reports what keeps an entry from holding for a node as the file has it now. */
  const checkDeclaration = (node: PlanNode, { index, instead }: Entry): void => {
    const expected = `instead: "${node.key.slice(0, shortest)}"`;
    if (instead === undefined) {
      const message = `\`accept.${index}\` lacks \`instead\`, which says for which declaration of \`${node.address}\` it holds`;
      const hint = 'once the node is edited again, the entry no longer holds, and no change is missed';
      errors.push(diagnose(source.file, source.place(['accept', index]), 'missing-key', message, { expected, hint }));
    } else if (!node.key.startsWith(instead)) {
      const before = declaredAs(instead, earlier(), findStored);
      const changes = before
        ? preimageChanges(before, node.preimage).map((change) => changeText({ address: node.address, ...change }, node))
        : [];
      const what = changes.length > 0 ? changes.join(', ') : 'in itself or in what it comes from';
      const message = `\`${node.address}\` has changed since this artifact was accepted for it: ${what}`;
      report(
        index,
        'instead',
        message,
        'write that where the artifact still stands for it; else remove the entry',
        expected,
      );
    }
  };

  /** The node, on its artifact where that can stand for it. */
  const standing = (node: PlanNode, entry: Entry): PlanNode => {
    const { index, reason, stored } = entry;
    if (stored.key === node.key) {
      const message = `this changes nothing: \`${node.address}\` has that key by itself`;
      const place = source.place(['accept', index, 'key']);
      warnings.push(warn(source.file, place, 'no-effect', message, { hint: 'remove the entry' }));
      return node;
    }
    const misfit = misfitOf(node, stored, tokenizers);
    if (misfit !== undefined) {
      const message = `\`${stored.key.slice(0, shortest)}\`, made as ${stored.address}, cannot stand for \`${node.address}\`: ${misfit}`;
      report(index, 'key', message);
      return node;
    }
    checkDeclaration(node, entry);
    const { key, preimage } = node;
    return { ...node, key: stored.key, preimage: stored.preimage, accepted: { reason, instead: { key, preimage } } };
  };

  return {
    accept(node) {
      if (entries.size === 0) return node;
      const entry = entries.get(node.address);
      if (entry) used.add(node.address);
      const made = entry ? standing(node, entry) : node;
      tokenizers.note(node, made.key);
      return made;
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

/** The pre-image of a declaration whose key begins so: from what earlier plans had and accepted, or from the store. */
function declaredAs(prefix: string, earlier: Iterable<Plan>, findStored: FindStored): PlanNode['preimage'] | undefined {
  for (const { nodes } of earlier) {
    for (const { key, preimage, accepted } of nodes) {
      const declared = accepted?.instead ?? { key, preimage };
      if (declared.key.startsWith(prefix)) return declared.preimage;
    }
  }
  const [stored, second] = findStored(prefix);
  return stored?.state === 'done' && !second ? stored.preimage : undefined;
}
