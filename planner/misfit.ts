import { shapeDifferences } from '../schemas/llama.ts';
import type { Architecture, TokenizerRecipe } from '../schemas/types/job.ts';
import { vocabularyOf } from './inputs.ts';
import type { Json, Key, NodeType, PlanNode } from './plan.ts';
import type { FindStored, StoredArtifact } from './stored.ts';
import { own } from './tree.ts';

type Finished = Extract<StoredArtifact, { state: 'done' }>;

/** Whether an artifact of another declaration can stand for nodes of a type at all. */
export function isAcceptable(type: NodeType): boolean {
  return !own(neverAccepted, type);
}

/** Why an artifact cannot be what a node is to be, as the end of a sentence; undefined where it can. */
export function misfitOf(node: PlanNode, stored: Finished, tokenizers: Tokenizers): string | undefined {
  const never = own(neverAccepted, node.type);
  if (never) return never;
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
      const { parent, rewardModel } = parents as { parent?: Json; rewardModel?: Json };
      if (parent !== node.parents.parent) return 'it evaluates another model';
      return rewardModel === node.parents.rewardModel
        ? undefined
        : 'another reward model scored its responses, or none';
    }
    default:
      return (
        shapeMisfit(node.architecture, stored.architecture) ??
        tokenizerMisfit(tokenizers.ofNode(node), tokenizers.ofStored(stored))
      );
  }
}

/** Why nothing can stand for nodes of some types. */
const neverAccepted: Readonly<Record<string, string>> = {
  trunk:
    'it is a trunk, which is in the key of no run that goes on from it: they would have the keys of models that they are not. Accept the runs themselves',
  checkpoint:
    'it is a checkpoint, which is in the key of no run that goes on from it: they would have the keys of models that they are not',
  overlap:
    'an overlap certificate says what was found in the very problems that it compared, and is quickly made. Where overlap is meant, say `allowOverlap` at the stage',
};

function shapeMisfit(ours: Architecture | null, theirs: Architecture | null): string | undefined {
  if (!ours || !theirs) return 'it left no model';
  const different = shapeDifferences(theirs, ours);
  if (different.length === 0) return undefined;
  return `its model has another shape: ${different.map((field) => `${field} ${theirs[field]}, not ${ours[field]}`).join('; ')}`;
}

function tokenizerMisfit(ours: Key | undefined, theirs: Key | undefined): string | undefined {
  if (ours === undefined || theirs === undefined || ours === theirs) return undefined;
  return `its model reads with the tokenizer \`${theirs.slice(0, 12)}\`, and the node's with \`${ours.slice(0, 12)}\`. Where the two are the same, accept that tokenizer first`;
}

/** Which tokenizers models read with, as far as it is known. */
export interface Tokenizers {
  ofNode(node: PlanNode): Key | undefined;
  ofStored(artifact: Finished): Key | undefined;
  /** Remembers under which key a node stands, for what starts from it. */
  note(node: PlanNode, key: Key): void;
}

/** Follows models to what was pretrained: nodes in the plan, whose parents were noted before them, artifacts in the store. */
export function tokenizersOf(findStored: FindStored): Tokenizers {
  const ofKeys = new Map<Key, Key>();
  const ofNode = ({ parents }: PlanNode) => parents.tokenizer ?? ofKeys.get(parents.parent as Key);
  return {
    ofNode,
    ofStored(artifact) {
      for (let next: StoredArtifact | undefined = artifact; next?.state === 'done'; ) {
        const { tokenizer, parent } = next.preimage.parents as Record<string, Key>;
        if (tokenizer !== undefined) return tokenizer;
        if (parent === undefined) return undefined;
        const noted = ofKeys.get(parent);
        if (noted !== undefined) return noted;
        next = findStored(parent)[0];
      }
      return undefined;
    },
    note(node, key) {
      const tokenizer = ofNode(node);
      if (tokenizer !== undefined) ofKeys.set(key, tokenizer);
    },
  };
}
