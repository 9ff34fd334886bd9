/** Chat templates of tokenizers: what transformers writes with them, and what is learned and asked by them in tokens. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chatTemplateOf } from '../../../schemas/chat-template.ts';
import { loadTemplate, tokenizerTemplate } from '../../../trainer/data/chat-template.ts';
import { paperJinja, paperTemplate } from '../../../trainer/data/template.ts';
import { TrainerFailure } from '../../../trainer/failure.ts';
import { byteTokenizer } from '../../../trainer/tokenizer/bytes.ts';
import type { TokenizerJson } from '../../../trainer/tokenizer/format.ts';
import { createTokenizer, loadTokenizer } from '../../../trainer/tokenizer/load.ts';
import { startingTokenizer } from '../../fixtures/checkpoint.ts';
import { temporaryFolder, writeByteTokenizer } from '../support.ts';

const bytes = createTokenizer(byteTokenizer());
const starting = createTokenizer(startingTokenizer() as TokenizerJson);
const problem = { prompt: 'What is 1 + 1?', solution: 'It is 2.' };
const turns =
  "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{{ eos_token }}\n{% endfor %}" +
  '{% if add_generation_prompt %}[assistant]{% endif %}';

const isBadData = (pattern: RegExp) => (error: unknown) =>
  error instanceof TrainerFailure && error.kind === 'bad-data' && pattern.test(error.message);

describe('a chat template', () => {
  const path = fileURLToPath(new URL('../../../../test/trainer/reference/sft/templates.json', import.meta.url));
  const { rendered } = JSON.parse(readFileSync(path, 'utf8')) as {
    rendered: { name: string; template: string; problem: typeof problem; prompt: string; whole: string }[];
  };
  for (const { name, template, problem, prompt, whole } of rendered) {
    it(`is rendered as by transformers: ${name}, ${JSON.stringify(problem.prompt.slice(0, 8))}`, () => {
      const made = tokenizerTemplate(template, bytes, { bos_token: '<s>', eos_token: '</s>' });
      assert.equal(made.promptText(problem), prompt);
      const { prompt: asked, response } = made.exampleTokens(problem);
      assert.equal(bytes.decode(asked), prompt);
      assert.equal(bytes.decode(response), `${whole.slice(prompt.length)}<|endoftext|>`);
    });
  }

  it('has the beginning of text once, whether it writes it or not', () => {
    const [bos, eos] = [257, 0];
    const config = { bos_token: { content: '<s>' }, eos_token: '<|endoftext|>' };
    const text = (tokens: number[]) => starting.decode(tokens.slice(1));
    for (const jinja of [turns, turns.replace('{{ bos_token }}', '')]) {
      const { prompt, response } = tokenizerTemplate(jinja, starting, config).exampleTokens(problem);
      assert.deepEqual([prompt[0], prompt.filter((token) => token === bos).length], [bos, 1]);
      assert.equal(text(prompt), '[user]What is 1 + 1?<|endoftext|>\n[assistant]');
      assert.equal(starting.decode(response), 'It is 2.<|endoftext|>', 'what comes after the end is nobody’s to write');
      assert.equal(response.at(-1), eos);
    }
  });

  it('ends a response that it does not end, and one whose text has an end within', () => {
    const open =
      "{% for m in messages %}{{ m['role'][0] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}a: {% endif %}";
    const template = tokenizerTemplate(open, bytes, {});
    const learned = (solution: string) => bytes.decode(template.exampleTokens({ ...problem, solution }).response);
    assert.equal(learned('2'), '2\n<|endoftext|>');
    assert.equal(learned('2<|endoftext|>3'), '2<|endoftext|>3\n<|endoftext|>');
  });

  it('that cannot be used is a failure that says why, and what to do', () => {
    const use = (jinja: string) => () => tokenizerTemplate(jinja, bytes, {}).exampleTokens(problem);
    assert.throws(use('{% for'), isBadData(/not Jinja that can be read.*Fine-tune with `template: paper`/s));
    assert.throws(use("{{ raise_exception('No system') }}"), isBadData(/refuses the conversation: No system/));
    assert.throws(use("{{ strftime_now('%Y') }}"), isBadData(/strftime_now|callable|undefined/i));
    const thinking = '{% if add_generation_prompt %}a:<think>{% else %}a:{{ messages[1].content }}{% endif %}';
    assert.throws(use(thinking), isBadData(/"a:It is 2\.", does not go on from the prompt alone, "a:<think>"/));
    assert.throws(use('always'), isBadData(/does not go on/));
  });

  it('is chat_template.jinja before tokenizer_config.json, and of several the default', () => {
    const several = [
      { name: 'tool_use', template: 'b' },
      { name: 'default', template: 'c' },
    ];
    assert.equal(chatTemplateOf({ chat_template: 'a' }, 'file'), 'file');
    assert.equal(chatTemplateOf({ chat_template: 'a' }, undefined), 'a');
    assert.equal(chatTemplateOf({ chat_template: several }, undefined), 'c');
    for (const none of [{}, { chat_template: null }, { chat_template: [] }, undefined, 3])
      assert.equal(chatTemplateOf(none, undefined), undefined);
  });

  it('is read from a model’s folder, where a job asks for it', async (t) => {
    const folder = writeByteTokenizer(temporaryFolder(t));
    const tokenizer = await loadTokenizer(folder);
    assert.equal(
      (await loadTemplate(undefined, folder, tokenizer)).promptText(problem),
      'Human: What is 1 + 1?\nAssistant:',
    );
    await assert.rejects(
      loadTemplate('tokenizer', folder, tokenizer),
      isBadData(/has no chat template: neither .* nor a chat_template\.jinja\. Fine-tune with `template: paper`/),
    );
    writeFileSync(join(folder, 'chat_template.jinja'), turns);
    const { jinja, promptText } = await loadTemplate('tokenizer', folder, tokenizer);
    assert.deepEqual([jinja, promptText(problem)], [turns, '[user]What is 1 + 1?<|endoftext|>\n[assistant]']);
  });
});

describe('the paper’s template', () => {
  for (const [what, tokenizer] of [
    ['', bytes],
    [', with a beginning of text', starting],
  ] as const) {
    it(`is the same in Jinja${what}`, () => {
      const [own, rendered] = [paperTemplate(tokenizer), tokenizerTemplate(paperJinja(tokenizer), tokenizer, {})];
      assert.deepEqual(rendered.promptTokens(problem), own.promptTokens(problem));
      assert.deepEqual(rendered.exampleTokens(problem), own.exampleTokens(problem));
      // transformers puts nothing before what a template writes.
      assert.deepEqual(tokenizer.encode(rendered.promptText(problem)), own.promptTokens(problem));
    });
  }
});
