import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { NodeError } from '../../activities/failures.ts';
import { prepareData } from '../../activities/prepare.ts';
import { defaults } from '../../planner/defaults.ts';
import { keyOf } from '../../planner/key.ts';
import type { ColumnPreparation, DataRecipe, PlanNode } from '../../planner/plan.ts';
import { isHeldOutProblem } from '../../schemas/problem.ts';
import { type Attempt, beginAttempt } from '../../store/attempt.ts';
import { digestOf } from '../../store/digest.ts';

type DataNode = Extract<PlanNode, { type: 'data' }>;

/** Nothing of these comes from the Hub. */
const nobody = { env: {}, signal: new AbortController().signal };

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'descent-prepare-'));
});

after(() => rmSync(folder, { recursive: true, force: true }));

const columns: ColumnPreparation['columns'] = defaults.files.columns;

describe('preparing documents', () => {
  test('drops duplicates, holds a share out, and does not depend on the order of lines or files', async () => {
    const lines = Array.from({ length: 100 }, (_, at) =>
      JSON.stringify({ text: `Document ${at}.\nIt has two lines.` }),
    );
    const one = await prepare('order-one', 'jsonl', {
      'a.jsonl': [...lines, lines[3], '{"text":"  "}', '{"other":1}'].join('\n'),
    });
    const two = await prepare('order-two', 'jsonl', {
      'a.jsonl': lines.slice(50).reverse().join('\n'),
      'b.jsonl': lines.slice(0, 50).join('\n'),
    });
    assert.deepEqual(one.files, two.files);
    const train = documentsIn(one.files['documents-train.jsonl']);
    const heldout = documentsIn(one.files['documents-heldout.jsonl']);
    assert.deepEqual([train.length, heldout.length], [90, 10]);
    assert.equal(new Set([...train, ...heldout]).size, 100);
    assert.equal(one.facts.documents, 100);
    assert.equal(one.facts.duplicateDocuments, 1);
    assert.deepEqual(Object.keys(one.files).sort(), ['documents-heldout.jsonl', 'documents-train.jsonl']);
  });

  test('takes a text file as one document, whatever its name and its characters', async () => {
    const text = 'Zwölf “Boxkämpfer”\n\tjagen — Viktor 🥊\u0001';
    const { files } = await prepare('text', 'text', { "it's [1].txt": text, 'b.txt': 'Another one.' });
    const all = [...documentsIn(files['documents-train.jsonl']), ...documentsIn(files['documents-heldout.jsonl'])];
    assert.deepEqual(all.sort(), ['Another one.', text].sort());
  });

  test('takes names of columns and files for names, whatever they would be as SQL', async () => {
    const stray = join(folder, 'stray');
    const name = `x') AS text FROM read_text('/etc/hostname'); COPY (SELECT 1) TO '${stray}' --`;
    const lines = ['A document.', 'Another one.'].map((text) => JSON.stringify({ [name]: text })).join('\n');
    const { files } = await prepare('sql', 'jsonl', { "a') --.jsonl": lines }, { ...columns, text: name });
    const all = [...documentsIn(files['documents-train.jsonl']), ...documentsIn(files['documents-heldout.jsonl'])];
    assert.deepEqual(all.sort(), ['A document.', 'Another one.']);
    assert.ok(!existsSync(stray));
  });

  test('keeps a single document for training', async () => {
    const { files, facts } = await prepare('single', 'text', { 'corpus.txt': 'All there is.' });
    assert.deepEqual(documentsIn(files['documents-train.jsonl']), ['All there is.']);
    assert.equal(files['documents-heldout.jsonl'], '');
    assert.equal(facts.heldoutDocuments, 0);
  });
});

describe('preparing problems', () => {
  test('splits them so that no prompt is in two parts, however it is spaced, capitalised or composed', async () => {
    const problems = Array.from({ length: 41 }, (_, at) => ({
      prompt: `What is ${at} + 1?`,
      answer: at + 1,
      solution: `${at} + 1 = ${at + 1}. The answer is ${at + 1}.`,
    }));
    const variants = [
      { prompt: '  WHAT is 7 + 1? ', answer: 8, solution: 'x' },
      { prompt: 'What\u00a0is 7 + １?', answer: 8, solution: 'y' },
    ];
    const { files, facts } = await prepare('problems', 'jsonl', {
      'p.jsonl': [...problems, ...variants].map((problem) => JSON.stringify(problem)).join('\n'),
    });
    const parts = (['sft', 'rl', 'test'] as const).map((part) => parse(files[`problems-${part}.jsonl`]));
    assert.deepEqual(
      parts.map((part) => part.length),
      [19, 18, 4],
    );
    const ids = parts.flat().map(({ id }) => id);
    assert.equal(new Set(ids).size, 41);
    assert.equal(facts.duplicateProblems, 2);
    for (const problem of parts.flat()) {
      assert.match(String(problem.id), /^[0-9a-f]{12}$/);
      assert.equal(typeof problem.answer, 'string', 'an answer is text, as it was written');
    }
  });

  test('gives problems without a worked solution a plain one, and reads other column names', async () => {
    const { files } = await prepare(
      'named',
      'jsonl',
      { 'p.jsonl': '{"the/question":"1+1?","a~":"2"}\n{"the/question":"2+2?","a~":"4"}\n{"the/question":"3+3?"}' },
      { ...columns, prompt: 'the/question', answer: 'a~' },
    );
    const all = (['sft', 'rl', 'test'] as const).flatMap((part) => parse(files[`problems-${part}.jsonl`]));
    assert.deepEqual(all.map(({ solution }) => solution).sort(), ['The answer is 2.', 'The answer is 4.']);
  });

  test('reads parquet, documents and problems side by side', async () => {
    const source = join(folder, 'both.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT 'text ' || i AS text, 'prompt ' || i AS prompt, i AS answer FROM range(10) t(i)) TO '${source}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    const { facts } = await prepare('parquet', 'parquet', { 'both.parquet': readFileSync(source) });
    assert.deepEqual([facts.documents, facts.problems], [10, 10]);
  });
});

describe('preparing preferences', () => {
  const pairs = Array.from({ length: 400 }, (_, at) => ({
    prompt: `Which is larger, ${at % 200} or 100?`,
    chosen: `right ${at}`,
    rejected: `wrong ${at}`,
  }));

  test('holds out the pairs of about every 20th problem, so that no problem is on both sides', async () => {
    const again = { ...pairs[3], prompt: '  which IS larger, 3 or 100?' };
    const equal = { prompt: 'Which?', chosen: 'this', rejected: 'this' };
    const lines = [...pairs, again, equal, { prompt: 'Which?', chosen: 'this' }].map((pair) => JSON.stringify(pair));
    const one = await prepare('preferences', 'jsonl', { 'p.jsonl': lines.join('\n') });
    const two = await prepare('backwards', 'jsonl', { 'p.jsonl': lines.toReversed().join('\n') });
    const [train, heldout] = (['train', 'heldout'] as const).map((part) =>
      parse(one.files[`preferences-${part}.jsonl`]),
    );
    assert.ok(train !== undefined && heldout !== undefined);
    assert.deepEqual(Object.keys(one.files).sort(), ['preferences-heldout.jsonl', 'preferences-train.jsonl']);
    assert.deepEqual(
      [one.facts.pairs, one.facts.heldoutPairs, one.facts.duplicatePairs, one.facts.equalPairs],
      [400, heldout.length, 1, 1],
    );
    assert.equal(train.length + heldout.length, 400);
    assert.ok(heldout.length >= 10 && heldout.length <= 34 && heldout.length % 2 === 0, String(heldout.length));
    assert.ok(heldout.every(({ prompt }) => isHeldOutProblem(String(prompt))));
    assert.ok(!train.some(({ prompt }) => isHeldOutProblem(String(prompt))));
    assert.deepEqual(Object.keys(train[0] as object), ['id', 'prompt', 'chosen', 'rejected']);
    const chosen = (of: typeof one) =>
      (['train', 'heldout'] as const).map((part) =>
        parse(of.files[`preferences-${part}.jsonl`]).map(({ chosen }) => chosen),
      );
    assert.deepEqual(chosen(two), chosen(one));
  });

  test('reads other column names, and refuses lists of messages', async () => {
    const lines = pairs.map(({ prompt, chosen, rejected }) =>
      JSON.stringify({ question: prompt, good: chosen, bad: rejected }),
    );
    const named = { ...columns, prompt: 'question', chosen: 'good', rejected: 'bad' };
    assert.equal((await prepare('named-pairs', 'jsonl', { 'p.jsonl': lines.join('\n') }, named)).facts.pairs, 400);
    const messages = [{ role: 'assistant', content: 'right' }];
    const line = JSON.stringify({ prompt: 'Which?', chosen: messages, rejected: messages });
    await refused(
      dataNode('messages', 'jsonl', { 'p.jsonl': line }),
      /in 1 of its pairs the chosen response is a list of messages/,
    );
  });
});

describe('refusing data', () => {
  test('that changed since it was planned, or is gone', async () => {
    const node = dataNode('changed', 'jsonl', { 'a.jsonl': '{"text":"as planned"}' });
    writeFileSync(node.files[0] as string, '{"text":"changed"}');
    await refused(node, /a\.jsonl has changed since the lineage was planned; run the lineage again/);
    rmSync(node.files[0] as string);
    await refused(node, /a\.jsonl is gone/);
  });

  test('that is not what it is said to be', async () => {
    await refused(
      dataNode('broken', 'jsonl', { 'a.jsonl': '{"text":"fine"}\n{oops\n' }),
      /^broken-a\.jsonl:2 is not JSON: .*\. Mend that line or take it out\.$/,
    );
    await refused(
      dataNode('cut', 'jsonl', { 'a.jsonl': '{"text":"one"}\n', 'b.jsonl': '{"text":"a\u2028b"}\n\n{"text":' }),
      /^cut-b\.jsonl:3 is not JSON: /,
    );
    await refused(dataNode('binary', 'text', { 'a.txt': Buffer.from([0xff, 0xfe, 0x41]) }), /valid UTF-8/);
    await refused(
      dataNode('not-parquet', 'parquet', { 'a.parquet': 'plain text, long enough to look' }),
      /not-parquet/,
    );
  });

  test('without the columns that are needed, naming those it has', async () => {
    await refused(
      dataNode('columns', 'jsonl', { 'a.jsonl': '{"body":"x","question":"y"}' }),
      /no line of its files has `text`, nor both `prompt` and `answer`, nor `prompt`, `chosen` and `rejected`\. They have: body, question\. Name yours in `columns`/,
    );
    await refused(dataNode('empty', 'text', { 'a.txt': ' \n' }), /no line of its files has text/);
    await refused(dataNode('nothing', 'jsonl', { 'a.jsonl': '' }), /its files hold nothing/);
  });

  test('of pairs that are all equal', async () => {
    const equal = '{"prompt":"x","chosen":"a","rejected":"a"}\n'.repeat(2);
    await refused(
      dataNode('equal', 'jsonl', { 'a.jsonl': equal }),
      /in all 2 of its pairs the chosen response is the rejected one/,
    );
  });
});

function dataNode(
  name: string,
  format: DataRecipe['format'],
  files: Record<string, string | Uint8Array>,
  named = columns,
): DataNode {
  const paths = Object.entries(files).map(([file, content]) => {
    const path = join(folder, `${name}-${file}`);
    writeFileSync(path, content);
    return path;
  });
  const digests = paths.map((path) => digestOf(readFileSync(path)));
  const recipe: DataRecipe = { format, digests, columns: named, heldout: 0.1 };
  const preimage = { type: 'data', digests, name };
  return {
    type: 'data',
    recipe,
    key: keyOf(preimage),
    address: `data:${name}`,
    stage: name,
    axes: {},
    seed: 0,
    parents: {},
    preimage,
    files: paths,
    placement: { device: 'auto', checkpointEvery: 0, timeoutSeconds: 60 },
    architecture: null,
    settings: {},
  };
}

describe('an execution that another has replaced', () => {
  test('leaves the data set to that one, which takes over what it had got', async () => {
    const node = dataNode('replaced', 'jsonl', { 'a.jsonl': '{"text": "one"}\n{"text": "two"}' });
    const [first, second] = [await begin(node), await begin(node)];
    const left = join(first.folder, `${first.token}.incoming.tmp`);
    mkdirSync(join(left, 'downloads'), { recursive: true });
    await assert.rejects(prepareData(node, first, nobody), { name: 'FencedError' });
    assert.deepEqual(
      readdirSync(first.folder).filter((name) => name === 'model'),
      [],
    );
    const { done } = await prepareData(node, second, nobody);
    assert.equal(done.facts.documents, 2);
    assert.deepEqual(
      readdirSync(second.folder).filter((name) => name.endsWith('.tmp')),
      [],
    );
  });
});

async function begin(node: DataNode): Promise<Attempt> {
  const begun = await beginAttempt(join(folder, 'home'), node);
  if (begun.state !== 'begun') throw new Error('unreachable');
  return begun.attempt;
}

async function prepare(
  ...args: Parameters<typeof dataNode>
): Promise<{ files: Record<string, string>; facts: Record<string, number | string> }> {
  const node = dataNode(...args);
  const attempt = await begin(node);
  const { done } = await prepareData(node, attempt, nobody);
  const model = join(attempt.folder, done.model ?? '');
  const files = Object.fromEntries(readdirSync(model).map((name) => [name, readFileSync(join(model, name), 'utf8')]));
  return { files, facts: done.facts };
}

async function refused(node: DataNode, message: RegExp): Promise<void> {
  await assert.rejects(prepareData(node, await begin(node), nobody), (error: unknown) => {
    assert.ok(error instanceof NodeError, String(error));
    assert.equal(error.kind, 'bad-data');
    assert.match(error.message, message);
    return true;
  });
}

function parse(text: string | undefined): Record<string, unknown>[] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

function documentsIn(text: string | undefined): string[] {
  return parse(text).map(({ text: document }) => String(document));
}
