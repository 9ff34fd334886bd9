/** What a fine-tuning says of templates, packing and noise: what is in which key, and how a model is asked from then on. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type Planned, planLineage } from '../../planner/expand.ts';
import { loadLineage } from '../../planner/load.ts';
import { toConfig } from '../../trainer/config.ts';
import { bytesShape, checkpoint } from '../fixtures/checkpoint.ts';
import { temporaryFolder } from '../trainer/support.ts';
import { keysOf, lineage, nodeAt, planOfText } from './plans.ts';

const tuned = (others: string) => `{from: mid, data: math/problems, examples: 100${others}}`;
const templateOf = (plan: Awaited<ReturnType<typeof planOfText>>, address: string) =>
  (nodeAt(plan, address).recipe as { template?: string }).template;

describe('the options of a fine-tuning', () => {
  it('are in no key at their defaults, and each is in the key otherwise', async () => {
    const usual = await planOfText(lineage());
    const spelled = tuned(', template: paper, packing: false, neftune: 0, overlong: truncate');
    assert.deepEqual(keysOf(await planOfText(lineage({ tuned: spelled }))), keysOf(usual));
    const keys = new Set([nodeAt(usual, 'tuned').key]);
    for (const option of ['template: tokenizer', 'packing: true', 'neftune: 5', 'overlong: drop']) {
      const node = nodeAt(await planOfText(lineage({ tuned: tuned(`, ${option}`) })), 'tuned');
      const [name = '', value] = option.split(': ');
      assert.equal(String((node.recipe as Record<string, unknown>)[name]), value);
      assert.equal(String(node.settings[name]), value);
      keys.add(node.key);
    }
    assert.equal(keys.size, 5);
  });
});

describe('the template of a fine-tuning', () => {
  const adopting = (adopt: string, stages: string) => `lineage: theirs
data: {math: {generator: arithmetic}}
stages:
  theirs: {adopt: ${adopt}}
${stages}
evaluate: {each: [theirs, tuned, rl], suites: [id]}
`;
  const rl = '  rl: {rl: {from: tuned, data: math/problems, examples: 64}}';
  const sft = (others: string) => `  tuned: {sft: {from: theirs, data: math/problems, examples: 64${others}}}\n${rl}`;

  async function plan(t: TestContext, text: string, files: Record<string, string> = {}): Promise<Planned> {
    const folder = temporaryFolder(t);
    mkdirSync(join(folder, 'model'));
    for (const [name, content] of Object.entries({ ...checkpoint(bytesShape), ...files }))
      writeFileSync(join(folder, 'model', name), content);
    writeFileSync(join(folder, 'lineage.yaml'), text);
    const loaded = await loadLineage(join(folder, 'lineage.yaml'));
    const findConfig = async () => ({ ok: true as const, config: toConfig(bytesShape, { eos: 0 }) });
    return loaded.ok ? await planLineage(loaded.lineage, { findConfig }) : loaded;
  }
  const wrongIn = (planned: Planned) =>
    planned.ok ? [] : planned.diagnostics.map(({ line, code, message }) => `${line} ${code} ${message}`);
  const asked = (planned: Planned) => {
    assert.ok(planned.ok, JSON.stringify(wrongIn(planned)));
    return ['theirs/id', 'tuned/id', 'rl', 'rl/id'].map((address) => templateOf(planned.plan, address));
  };
  const jinja = { 'chat_template.jinja': '{{ messages }}' };

  it('is how RL and evaluations ask from then on, and what nobody fine-tuned is asked as it was adopted', async (t) => {
    const none = undefined;
    const byFolder = (adopt: string, others: string) => plan(t, adopting(adopt, sft(others)), jinja);
    assert.deepEqual(asked(await byFolder('{folder: model}', '')), [none, none, none, none]);
    const [tokenizer, chatty] = ['tokenizer', '{folder: model, template: tokenizer}'];
    const taught = ', template: tokenizer';
    assert.deepEqual(asked(await byFolder('{folder: model}', taught)), [none, tokenizer, tokenizer, tokenizer]);
    assert.deepEqual(asked(await byFolder(chatty, taught)), [tokenizer, tokenizer, tokenizer, tokenizer]);
    assert.deepEqual(asked(await byFolder(chatty, '')), [tokenizer, none, none, none]);
  });

  it('is refused where the folder’s tokenizer has none', async (t) => {
    const missing = /^5 bad-value the tokenizer that this starts from has no chat template: neither /;
    const taught = adopting('{folder: model}', sft(', template: tokenizer'));
    const wrong = wrongIn(await plan(t, taught));
    assert.equal(wrong.length, 1);
    assert.match(wrong[0] ?? '', missing);
    const config = { 'tokenizer_config.json': JSON.stringify({ chat_template: '{{ messages }}' }) };
    for (const files of [jinja, config]) assert.deepEqual(wrongIn(await plan(t, taught, files)), []);
    const adopted = wrongIn(await plan(t, adopting('{folder: model, template: tokenizer}', sft(''))));
    assert.match(adopted.join(), /^4 bad-value `?"?model"?`? has no chat template: neither /);
  });

  it('is not known before a model is here that is on the Hub', async (t) => {
    const hub = `{hub: some/model, revision: "${'c0ffee'.padEnd(40, '0')}"}`;
    assert.deepEqual(wrongIn(await plan(t, adopting(hub, sft(', template: tokenizer')))), []);
  });

  it('is there once a model was fine-tuned as in the paper', async (t) => {
    const twice = `  first: {sft: {from: theirs, data: math/problems, examples: 64}}
  tuned: {sft: {from: first, data: math/problems, examples: 64, template: tokenizer}}
${rl}`;
    assert.deepEqual(wrongIn(await plan(t, adopting('{folder: model}', twice))), []);
  });
});
