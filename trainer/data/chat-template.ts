/** The chat template of a model's tokenizer, which its tokenizer_config.json has in Jinja. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { chatTemplateFile, chatTemplateOf } from '../../schemas/chat-template.ts';
import type { Template } from '../../schemas/types/job.ts';
import { isFaultOfFile, TrainerFailure } from '../failure.ts';
import type { Tokenizer } from '../tokenizer/load.ts';
import { begun, type ChatTemplate, paperTemplate } from './template.ts';

/** The template that a job names, of the model in a folder. Throws `bad-data` where the folder has none that can be used. */
export async function loadTemplate(
  name: Template | undefined,
  folder: string,
  tokenizer: Tokenizer,
): Promise<ChatTemplate> {
  if (name !== 'tokenizer') return paperTemplate(tokenizer);
  const config = await readTokenizerFile(folder);
  const jinja = await readJinja(folder, config);
  if (jinja === undefined) {
    throw new TrainerFailure(
      'bad-data',
      `The tokenizer in ${folder} has no chat template: neither \`chat_template\` in tokenizer_config.json nor a ` +
        `${chatTemplateFile}. Fine-tune with \`template: paper\`, or from a model whose tokenizer has one.`,
    );
  }
  return tokenizerTemplate(jinja, tokenizer, config);
}

/** The content of a folder's tokenizer_config.json. Throws `bad-data` where it cannot be read. */
export async function readTokenizerFile(folder: string): Promise<Record<string, unknown>> {
  const path = join(folder, 'tokenizer_config.json');
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    if (!isFaultOfFile(error)) throw error;
    throw new TrainerFailure('bad-data', `${path} cannot be read: ${error.message}.`, { cause: error });
  }
}

/** A folder's chat template in Jinja; undefined where it has none. `config` is its tokenizer_config.json. */
export async function readJinja(folder: string, config: Record<string, unknown>): Promise<string | undefined> {
  const file = await readFile(join(folder, chatTemplateFile), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return chatTemplateOf(config, file);
}

/**
 * A chat template, rendered as `apply_chat_template` of transformers does, of a conversation of one prompt without a system
 * message. The prompt is what it writes with `add_generation_prompt`, and the response what it writes beyond that once the
 * solution is there. Both are tokenized as one text (as in TRL), or apart where the prompt's tokens do not begin that.
 *
 * A response ends with the last of the tokenizer's ends in it: blanks that the template has after it nobody would write. Where
 * it has none, with `eos`.
 *
 * There is no `strftime_now`: a prompt with the date of the day would be another one tomorrow.
 *
 * @param config tokenizer_config.json: its special tokens are the template's variables
 * @throws TrainerFailure `bad-data` where the template is no Jinja, refuses the conversation, or does not write a prompt that
 * a response goes on from
 */
export function tokenizerTemplate(
  jinja: string,
  tokenizer: Tokenizer,
  config: Readonly<Record<string, unknown>>,
): ChatTemplate {
  const render = rendering(jinja, specialTokens(tokenizer, config));
  const promptOf = (prompt: string) => render([{ role: 'user', content: prompt }], true);
  return {
    jinja,
    promptText: ({ prompt }) => promptOf(prompt),
    promptTokens: ({ prompt }) => begun(tokenizer, promptOf(prompt)),
    exampleTokens({ prompt: question, solution }) {
      const before = promptOf(question);
      const answered: Message = { role: 'assistant', content: solution };
      const whole = render([{ role: 'user', content: question }, answered], false);
      if (!whole.startsWith(before) || whole.length === before.length) {
        throw unusable(
          `what it writes of a prompt and a response, ${JSON.stringify(whole)}, does not go on from the prompt alone, ` +
            JSON.stringify(before),
        );
      }
      const prompt = begun(tokenizer, before);
      const together = begun(tokenizer, whole);
      const goesOn = prompt.every((token, index) => token === together[index]);
      const response = goesOn ? together.slice(prompt.length) : tokenizer.encode(whole.slice(before.length));
      return { prompt, response: ended(response, tokenizer) };
    },
  };
}

interface Message {
  role: 'user' | 'assistant';
  content: string;
}

/** A template as a function; whitespace around blocks goes as transformers has it (trim_blocks, lstrip_blocks). */
function rendering(jinja: string, variables: Readonly<Record<string, string>>) {
  const parsed = (() => {
    try {
      return parse(tokenize(jinja, { trim_blocks: true, lstrip_blocks: true }));
    } catch (error) {
      throw unusable(`it is not Jinja that can be read: ${(error as Error).message}`, error);
    }
  })();
  return (messages: Message[], add_generation_prompt: boolean): string => {
    const environment = new Environment();
    const given = { messages, add_generation_prompt, tools: null, documents: null, ...variables };
    for (const [name, value] of Object.entries({ ...globals, ...given })) environment.set(name, value);
    try {
      return String(new Interpreter(environment).run(parsed).value);
    } catch (error) {
      throw unusable((error as Error).message, error);
    }
  };
}

/** What every template knows. */
const globals = {
  ...{ true: true, false: false, none: null, True: true, False: false, None: null },
  range: (from: number, to?: number, step = 1) => {
    const [first, end] = to === undefined ? [0, from] : [from, to];
    return Array.from({ length: Math.max(0, Math.ceil((end - first) / step)) }, (_, index) => first + index * step);
  },
  raise_exception: (message: unknown) => {
    throw new Error(`it refuses the conversation: ${String(message)}`);
  },
};

/** The special tokens of a tokenizer_config.json by name; those that end and begin texts also where it does not say. */
function specialTokens(
  { eos, start, decode }: Tokenizer,
  config: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const tokens: Record<string, string> = { eos_token: decode([eos]) };
  if (start.length > 0) tokens.bos_token = decode(start.slice(0, 1));
  for (const [name, value] of Object.entries(config)) {
    // Earlier versions of transformers wrote a token with its properties.
    const token = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (name.endsWith('_token') && typeof token === 'string') tokens[name] = token;
  }
  return tokens;
}

function ended(response: readonly number[], { eos, ends, decode }: Tokenizer): number[] {
  const last = response.findLastIndex((token) => ends.includes(token));
  const isEnd = last >= 0 && decode(response.slice(last + 1)).trim() === '';
  return isEnd ? response.slice(0, last + 1) : [...response, eos];
}

function unusable(why: string, cause?: unknown): TrainerFailure {
  return new TrainerFailure(
    'bad-data',
    `The chat template of the tokenizer cannot be used: ${why}. Fine-tune with \`template: paper\`, or mend the template.`,
    { cause },
  );
}
