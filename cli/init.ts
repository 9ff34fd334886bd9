import { constants } from 'node:fs';
import { copyFile, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { makeFolder } from '../store/write.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { shellWord } from './shell.ts';

const LINEAGE_FILE = 'lineage.yaml';
const SCHEMA_FILE = 'lineage.schema.json';

/**
 * `descent init [folder]`: writes a commented lineage file and, beside it, the schema that editors complete from.
 * Nothing that exists is overwritten but an older copy of the schema. Prints what to do next.
 */
export async function init(folder: string, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const target = absolute(context, folder);
  const schema = new URL(`../../schemas/${SCHEMA_FILE}`, import.meta.url);
  await makeFolder(target);
  await refuseForeignSchema(join(target, SCHEMA_FILE), schema);
  try {
    await writeFile(join(target, LINEAGE_FILE), starterLineage(nameFor(target)), { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new CommandError(
      `${shown(context, join(target, LINEAGE_FILE))} is there already, and init overwrites nothing`,
      `plan it (descent plan ${shown(context, join(target, LINEAGE_FILE))}), or name another folder: descent init <folder>`,
    );
  }
  await copyFile(schema, join(target, SCHEMA_FILE), constants.COPYFILE_FICLONE);

  const file = shown(context, join(target, LINEAGE_FILE));
  terminal.out(`wrote ${file}`);
  terminal.out(`wrote ${shown(context, join(target, SCHEMA_FILE))}, which editors complete from`);
  terminal.out(
    `\nNext: ${terminal.colours.bold(`descent plan ${file}`)} shows what would run, ${terminal.colours.bold(`descent run ${file}`)} runs it.`,
  );
  return exitCodes.fine;
}

/** The lineage file that `init` writes, called `name`. */
function starterLineage(name: string): string {
  return `# yaml-language-server: $schema=${SCHEMA_FILE}
# A lineage: one model pretrained, continued, fine-tuned and reinforced, over the values of an axis.
# \`descent plan ${LINEAGE_FILE}\` shows what would run and why, \`descent run ${LINEAGE_FILE}\` runs what is not done yet.
lineage: ${name}
title: Does replay keep the stories while a model learns to add?

# LLaMA-shaped decoders, by name.
models:
  nano: {layers: 4, hidden: 128, heads: 4, kvHeads: 2, ffn: 352, context: 64, tokenizer: words}

# Trained once, and shared by every model that names it.
tokenizers:
  words: {bpe: {vocab: 1024, data: [web, math, math/problems]}}

# Seeded generators that ship with Descent; or your own files: {files: "texts/*.jsonl"}.
data:
  web: {generator: stories}
  math: {generator: arithmetic}

# Each stage is repeated for the values of the axes that it, or a stage before it, mentions.
# Quantities carry units: 400K tokens, 20x (tokens a parameter), 10% (of the mix).
stages:
  base: {pretrain: {model: nano, data: web, tokens: 400K}}
  mid: {cpt: {from: base, tokens: 800K, mix: {math: 1, replay: "{replay}"}}}
  tuned: {sft: {from: mid@replay=10%, data: math/problems, examples: 4K}}
  rl: {rl: {from: tuned, data: math/problems, examples: 2K, epochs: 2}}

# What varies. \`seed: {replicate: [1, 2, 3]}\` would repeat everything with three seeds.
axes:
  replay: [0%, 10%]

# heldout: loss on text kept aside; upstream: which ending is likeliest; id: problems like those trained on; ood: other kinds.
evaluate: {each: [base, mid, tuned, rl], suites: [heldout, id]}

# Where stages run. This never decides what is trained: changing it retrains nothing.
placement:
  default: {device: auto}
`;
}

/** A lineage's name from its folder's: what a name may not hold becomes \`-\`. */
function nameFor(folder: string): string {
  const name = basename(folder)
    .replaceAll(/[^a-zA-Z0-9_-]+/g, '-')
    .replace(/^[^a-zA-Z]+/, '')
    .replace(/-+$/, '')
    .slice(0, 63);
  return name === '' ? 'lineage' : name;
}

/** Throws CommandError when something that is not a copy of Descent's schema stands where it goes. */
async function refuseForeignSchema(path: string, schema: URL): Promise<void> {
  if (!(await stat(path).then(Boolean, () => false))) return;
  const [there, own] = await Promise.all([readFile(path, 'utf8'), readFile(schema, 'utf8')]);
  const id = /"\$id": *"[^"]*"/.exec(own)?.[0] ?? own;
  if (!there.includes(id)) {
    throw new CommandError(
      `${path} is there already and is not Descent's`,
      'move it, or name another folder: descent init <folder>',
    );
  }
}

/** A path as a person would type it from the working folder, quoted where a shell needs it. */
function shown(context: Context, path: string): string {
  const short = relative(context.cwd, path);
  const text = short.startsWith('..') ? path : short;
  return shellWord(text);
}
