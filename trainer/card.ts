/**
 * The model card, README.md, of a checkpoint: what a person who meets the folder elsewhere needs to know. It is a function
 * of what the model descends from and its shape alone, so an interrupted run leaves the same card as an uninterrupted one.
 * Front matter as the Hugging Face hub reads it (https://huggingface.co/docs/hub/model-cards), without a licence: whose
 * data a model learned from, Descent does not know.
 */
import { peakEnding } from '../schemas/decay.ts';
import { type Head, parametersIn } from '../schemas/llama.ts';
import type { Ancestor, Ancestry } from '../schemas/types/ancestry.ts';
import type { Architecture } from '../schemas/types/job.ts';

/** The text of a model's card. */
export function modelCard({ nodes }: Ancestry, architecture: Architecture, head: Head = 'language'): string {
  const own = nodes.at(-1) as Ancestor;
  const { layers, hidden, heads, kvHeads, ffn, vocab, context } = architecture;
  return `---
library_name: transformers
pipeline_tag: ${kinds[head].pipeline}
${baseModel(nodes)}---
# ${own.address}

A ${kinds[head].name} of ${grouped(parametersIn(architecture, head))} parameters, trained with Descent: a LLaMA-2 shaped decoder of ${layers} layers, ${hidden} wide, ${heads} attention heads over ${kvHeads} of keys and values, ${ffn} wide feed-forward nets, a vocabulary of ${grouped(vocab)} tokens and a context of ${grouped(context)}. Its weights are float32. transformers opens the folder as it is, with ${kinds[head].opener} and AutoTokenizer.
${decayNote(nodes)}
## Lineage

What led to it, the oldest first. \`ancestry.json\` has the whole keys.

${nodes.map((node, index) => `${index + 1}. ${told(node, nodes)}`).join('\n')}

## Evaluations

None was known when this card was written, with the model's last step. They have keys of their own: \`descent show ${shortKey(own.key)}\` has them.

## Licence

This card claims none. What may be done with the model depends on the data that it learned from.
`;
}

/** What a model is called by its head, and by the Hub and transformers. */
const kinds: Readonly<Record<Head, { name: string; pipeline: string; opener: string }>> = {
  language: { name: 'language model', pipeline: 'text-generation', opener: 'AutoModelForCausalLM' },
  score: { name: 'reward model', pipeline: 'text-classification', opener: 'AutoModelForSequenceClassification' },
};

/** What to know of a model whose learning rate, or an ancestor's, did not decay; empty of others. */
function decayNote(nodes: readonly Ancestor[]): string {
  const own = nodes.at(-1);
  const before = nodes.find((node) => node !== own && isUndecayed(node));
  if (own && isUndecayed(own))
    return `\n**Its learning rate has not decayed**${own.type === 'checkpoint' ? `: it is a checkpoint, step ${grouped(own.steps ?? 0)} of ${own.recipe?.runSteps ?? '?'} of a run` : ''}. What a model can do shows after a decay: it stands for no run of its length.\n`;
  if (before) return `\n**It comes of \`${before.address}\`, whose learning rate has not decayed.**\n`;
  return '';
}

/** Trunks are parts of runs that decay; RL stays at its learning rate by design. */
function isUndecayed({ type, recipe = {} }: Ancestor): boolean {
  if (type === 'checkpoint') return true;
  return (
    (type === 'pretrain' || type === 'cpt' || type === 'sft' || type === 'dpo') && peakEnding(recipe) !== undefined
  );
}

/** Of what was adopted from the Hub: the front matter's line that links a model to the one that it was trained from. */
function baseModel(nodes: readonly Ancestor[]): string {
  const hub = nodes.find(({ type }) => type === 'adopt')?.recipe?.hub;
  return hub === undefined ? '' : `base_model: ${hub}\n`;
}

function told(node: Ancestor, nodes: readonly Ancestor[]): string {
  const { type, address, key, parents, seed, recipe, steps, tokens, adopted } = node;
  const from = Object.entries(parents).map(([role, parent]) => {
    const known = nodes.find((one) => one.key === parent);
    return `${role} ${known === undefined ? `\`${shortKey(parent)}\`` : `\`${known.address}\` (\`${shortKey(parent)}\`)`}`;
  });
  const settings = Object.entries(recipe ?? {}).map(([name, value]) => `${name} ${value}`);
  const lines = [
    `**\`${address}\`**, ${type}, key \`${shortKey(key)}\``,
    ...(from.length > 0 ? [`from: ${from.join(', ')}`] : []),
    ...(tokens ? [`trained on: ${grouped(tokens)} tokens in ${grouped(steps ?? 0)} steps`] : []),
    ...(settings.length > 0 ? [`recipe: ${settings.join('; ')}`] : []),
    ...(seed === undefined ? [] : [`seed: ${seed}`]),
    ...(adopted === undefined ? [] : [`trained elsewhere and adopted: ${adopted.replace(/\s+/g, ' ')}`]),
  ];
  return lines.join('\n   - ');
}

/** A count with its thousands told apart. */
function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

function shortKey(key: string): string {
  return key.slice(0, 12);
}
