// Responses of an OpenAI-compatible endpoint, over real HTTP: what may go wrong on the way, and that no key is ever told.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GenerateJob } from '../../schemas/types/job.ts';
import { openAnswers } from '../../trainer/answer/answers.ts';
import { createEndpoint, type Patience } from '../../trainer/answer/endpoint.ts';
import { endpointSettings } from '../../trainer/answer/endpoint-settings.ts';
import { remoteAnswerer } from '../../trainer/answer/remote.ts';
import type { ProblemLine } from '../../trainer/data/problem-line.ts';
import { problems } from '../../trainer/data/sources.ts';
import { TrainerFailure } from '../../trainer/failure.ts';
import { completion, type Interference, reply, type TestEndpoint, testEndpoint } from '../fixtures/endpoint.ts';
import { generated, generateJob, startTrainer, temporaryFolder } from './support.ts';

const key = 'sk-test-4f3a9c0d';
const patience: Patience = { timeout: 0.4, waits: [0.01, 0.02, 0.04], longestWait: 1 };
const sampling = { model: 'Qwen/Math', temperature: 0.7, topP: 0.9, maxTokens: 32 };

async function endpointOf(t: TestContext, interfere?: Interference): Promise<TestEndpoint> {
  const endpoint = await testEndpoint(interfere);
  t.after(() => endpoint.stop());
  return endpoint;
}

const ask = (url: string, signal = new AbortController().signal) =>
  createEndpoint(sampling, endpointSettings({ OPENAI_BASE_URL: url, OPENAI_API_KEY: key }), patience).ask(
    'What?',
    5,
    signal,
  );

const failure = (kind: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TrainerFailure, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.message, message);
  assert.ok(!error.message.includes(key) && !error.message.includes('127.0.0.1'), error.message);
  return true;
};

test('a request is one that every such server takes, and its answer is read', async (t) => {
  const { url, asked } = await endpointOf(t);
  const { text, truncated, tokens, model } = await ask(`${url}//`);
  assert.match(text, /^Let me see\. The answer is \d+\.$/);
  assert.deepEqual([typeof truncated, tokens, model], ['boolean', 7, 'Qwen/Math-0613']);
  assert.equal(asked[0]?.authorization, `Bearer ${key}`);
  assert.deepEqual(asked[0]?.body, {
    model: 'Qwen/Math',
    messages: [{ role: 'user', content: 'What?' }],
    temperature: 0.7,
    top_p: 0.9,
    max_tokens: 32,
    seed: 5,
  });
});

test('what is waited for is told, in one line for all requests', async (t) => {
  const { url } = await endpointOf(t, (_, response, count) => {
    if (count <= 6) reply(response, 'oops', 500);
    return count <= 6;
  });
  const told: string[] = [];
  const waiting = { ...patience, waits: [0.2, 0.3] };
  const endpoint = createEndpoint(sampling, endpointSettings({ OPENAI_BASE_URL: url }), waiting, (line) =>
    told.push(line),
  );
  const { signal } = new AbortController();
  await Promise.all([1, 2, 3].map((seed) => endpoint.ask('What?', seed, signal)));
  assert.deepEqual(told, ['The endpoint at OPENAI_BASE_URL answered 500; it is asked again in 0.3 s.']);
});

test('what may pass is tried again: 429, 408, 500, cut connections, no JSON, silence', async (t) => {
  const troubles: [string, (response: Parameters<Interference>[1]) => void][] = [
    ['429', (response) => reply(response, '{}', 429, { 'retry-after': '0.3' })],
    ['408', (response) => reply(response, '{}', 408)],
    ['500', (response) => reply(response, 'oops', 500)],
    ['cut at once', (response) => response.destroy()],
    [
      'cut within',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"choices": [', () => response.destroy());
      },
    ],
    ['no JSON', (response) => reply(response, '<html>')],
    ['silence', () => {}],
  ];
  for (const [name, trouble] of troubles) {
    const { url, asked } = await endpointOf(t, (_, response, count) => {
      if (count === 1) trouble(response);
      return count === 1;
    });
    const before = performance.now();
    assert.match((await ask(url)).text, /The answer is/, name);
    assert.equal(asked.length, 2, name);
    const waited = performance.now() - before;
    if (name === '429') assert.ok(waited >= 290, `${waited} ms`);
  }
});

test('what does not pass fails after the last try, what cannot pass at once; both say what to do', async (t) => {
  const down = await endpointOf(t, (_, response) => {
    reply(response, '{}', 503);
    return true;
  });
  await assert.rejects(
    ask(down.url),
    failure(
      'no-network',
      /^The endpoint at OPENAI_BASE_URL answered 503, 4 times in a row\. What it has answered is kept/,
    ),
  );
  assert.equal(down.asked.length, 4);
  const closed = await testEndpoint();
  await closed.stop();
  await assert.rejects(
    ask(closed.url),
    failure('no-network', /cannot be reached, or broke off \(ECONNREFUSED\), 4 times/),
  );

  const refusals: [number, unknown, string, RegExp][] = [
    [
      401,
      { error: { message: `Incorrect API key: ${key}` } },
      'no-access',
      /answered 401: the key in OPENAI_API_KEY may not use Qwen\/Math/,
    ],
    [
      404,
      { error: { message: 'The model Qwen/Math does not exist.' } },
      'no-access',
      /answered 404: The model Qwen\/Math does not exist\. Either it has no model Qwen\/Math/,
    ],
    [
      400,
      { error: { message: `max_tokens is too large, ${key}` } },
      'bad-job',
      /answered 400: max_tokens is too large, …\. It does not take/,
    ],
    [429, { error: { code: 'insufficient_quota', message: 'quota' } }, 'no-access', /has nothing left/],
    [307, '', 'no-access', /sends on to somewhere else/],
    [200, { choices: [] }, 'no-access', /JSON that has no choices\[0\]\.message: it is no OpenAI-compatible server/],
    [200, 'null', 'no-access', /it is no OpenAI-compatible server/],
  ];
  for (const [status, body, kind, message] of refusals) {
    const { url, asked } = await endpointOf(t, (_, response) => {
      reply(response, body, status, status === 307 ? { location: 'http://127.0.0.1:1/' } : {});
      return true;
    });
    await assert.rejects(ask(url), failure(kind, message));
    assert.equal(asked.length, 1, `${status} is not tried again`);
  }
  const { url } = await endpointOf(t);
  await assert.rejects(
    ask(url.replace('/v1', '')),
    failure('no-access', /answered 404: no such path\..*mostly ends in \/v1/),
  );
});

test('a message without text is an empty response', async (t) => {
  const { url } = await endpointOf(t, (_, response) => {
    reply(response, { choices: [{ message: { role: 'assistant', content: null }, finish_reason: 'length' }] });
    return true;
  });
  assert.deepEqual(await ask(url), { text: '', truncated: true });
});

test('too many requests: all wait, and none is given up while others get through', async (t) => {
  // One request in 20 ms, whoever comes.
  let next = 0;
  const { url, asked } = await endpointOf(t, (_, response) => {
    const isTooMany = Date.now() < next;
    if (isTooMany) reply(response, '{}', 429, { 'retry-after': '0.02' });
    else next = Date.now() + 20;
    return isTooMany;
  });
  const settings = endpointSettings({ OPENAI_BASE_URL: url });
  const endpoint = createEndpoint(sampling, settings, patience);
  const each = Array.from({ length: 16 }, (_, seed) => endpoint.ask('What?', seed, new AbortController().signal));
  const replies = await Promise.all(each);
  assert.equal(replies.length, 16);
  assert.ok(asked.length > 16);
});

test('only an address that a key may be sent to is taken', () => {
  const settings = (OPENAI_BASE_URL: string | undefined, OPENAI_API_KEY?: string) =>
    endpointSettings({ OPENAI_BASE_URL, OPENAI_API_KEY });
  for (const url of ['https://api.example/v1', 'http://localhost:8000/v1', 'http://127.0.0.1/v1/', 'http://[::1]:1/v1'])
    assert.match(settings(url, key).url.pathname, /^\/v1\/chat\/completions$/);
  assert.equal(settings('http://gpu-box:8000/v1').key, undefined);
  assert.equal(
    settings('https://x.example/v1?api-version=1').url.href,
    'https://x.example/v1/chat/completions?api-version=1',
  );
  const refused: [string | undefined, string | undefined, RegExp][] = [
    [undefined, key, /OPENAI_BASE_URL is not set\. Set it, where the worker is started, to the address/],
    ['', key, /OPENAI_BASE_URL is not set/],
    ['gpu-box:8000', undefined, /begins with gpu-box:/],
    ['api.example/v1', undefined, /OPENAI_BASE_URL is no address/],
    [`https://me:${key}@api.example`, undefined, /holds a user or a password/],
    ['http://gpu-box:8000/v1', key, /plain http: to another machine, where the key/],
    ['http://127.0.0.1.example/v1', key, /plain http: to another machine/],
  ];
  for (const [url, secret, message] of refused)
    assert.throws(() => settings(url, secret), failure('no-access', message));
});

const pathOf = ({ output }: GenerateJob) => join(output, 'model', 'problems-sft.jsonl');
const remote = { endpoint: 'Qwen/Math', problems: 40, samples: 3 };

test('whatever fails and however late answers come, the lines are the same; the key is nowhere', async (t) => {
  const root = temporaryFolder(t);
  const calm = await endpointOf(t);
  const rough = await endpointOf(t, async ({ seed }, response, count) => {
    await sleep(seed % 20);
    if (count % 61 === 3) response.destroy();
    else if (count % 23 === 5) reply(response, `{"error": {"message": "busy, ${key}"}}`, 429, { 'retry-after': '0' });
    else return false;
    return true;
  });
  const jobs = [generateJob(root, 'calm', remote), generateJob(root, 'rough', remote)] as const;
  const envs = [calm, rough].map(({ url }) => ({ OPENAI_BASE_URL: url, OPENAI_API_KEY: key }));
  const [one, other] = await Promise.all(jobs.map((job, i) => startTrainer(job, undefined, envs[i]).ended));
  assert.deepEqual([one?.code, other?.code], [0, 0], `${other?.stderr} ${JSON.stringify(other?.events.at(-1))}`);
  assert.equal(readFileSync(pathOf(jobs[1]), 'utf8'), readFileSync(pathOf(jobs[0]), 'utf8'));
  assert.ok(rough.asked.length > 120 && rough.mostAtOnce <= 16 && rough.mostAtOnce > 4);
  assert.equal(calm.asked.length, 120);
  assert.equal(new Set(calm.asked.map(({ seed }) => seed)).size, 120);

  const lines: ProblemLine[] = readFileSync(pathOf(jobs[0]), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  const given = problems(generated('arithmetic'), 'sft', 40, {});
  assert.deepEqual(
    lines.map(({ id, response }) => [id, response?.sample]),
    given.flatMap(({ id }) => [0, 1, 2].map((sample) => [id, sample])),
  );
  assert.deepEqual(new Set(calm.asked.map(({ prompt }) => prompt)), new Set(given.map(({ prompt }) => prompt)));
  const done = one?.events.at(-1);
  assert.ok(done?.event === 'done');
  const { right, solved, truncated, ...facts } = done.facts;
  const expected = { problems: 40, responses: 120, unanswered: 0, responseTokens: 840, answeredBy: 'Qwen/Math-0613' };
  assert.deepEqual(facts, expected);
  assert.ok(Number(right) >= Number(solved) && Number(solved) > 0);
  assert.equal(truncated, lines.filter(({ response }) => response?.truncated).length);

  const found = spawnSync('grep', [
    '-rl',
    '-e',
    key,
    '-e',
    new URL(calm.url).host,
    '-e',
    new URL(rough.url).host,
    root,
  ]);
  assert.deepEqual([found.status, found.stdout.toString()], [1, ''], 'neither key nor address is in any file');
  for (const { events, stderr } of [one, other].filter((ended) => ended !== undefined)) {
    assert.ok(!`${JSON.stringify(events)}${stderr}`.includes(key));
    assert.doesNotMatch(stderr, /127\.0\.0\.1/);
    assert.match(stderr, /^(The endpoint at OPENAI_BASE_URL [^\n]*; it is asked again in \d+ s\.\n)*$/);
  }
});

test('killed and started again, only the rest is asked', async (t) => {
  const root = temporaryFolder(t);
  const { url, asked } = await endpointOf(t, async ({ seed }) => {
    await sleep(5 + (seed % 10));
    return false;
  });
  const env = { OPENAI_BASE_URL: url, OPENAI_API_KEY: key };
  const [whole, broken] = [generateJob(root, 'whole', remote), generateJob(root, 'broken', remote)];
  assert.equal((await startTrainer(whole, undefined, env).ended).code, 0);
  asked.length = 0;
  const running = startTrainer(broken, undefined, env);
  while (asked.length < 60) await sleep(2);
  running.child.kill('SIGKILL');
  await running.ended;
  const before = asked.length;
  const kept = readFileSync(join(broken.output, 'checkpoints', 'answers', '1.jsonl'), 'utf8').split('\n').length - 1;
  assert.ok(kept >= before - 16 && kept > 0);
  const ended = await startTrainer(broken, undefined, env).ended;
  assert.equal(ended.code, 0);
  const started = ended.events[0];
  assert.ok(started?.event === 'started' && started.resumedFrom === kept);
  assert.equal(asked.length - before, 120 - kept);
  assert.equal(readFileSync(pathOf(broken), 'utf8'), readFileSync(pathOf(whole), 'utf8'));
});

test('an outage loses nothing, and a stop does not wait for what is slow', async (t) => {
  const root = temporaryFolder(t);
  const job = generateJob(root, 'out', remote);
  let isDown = false;
  let answersLeft = 50;
  const slow = new Set<number>();
  const { url, asked } = await endpointOf(t, async ({ seed }, response, count) => {
    if (slow.has(count)) await sleep(20_000, undefined, { ref: false });
    if (count > answersLeft) isDown = true;
    if (isDown) reply(response, completion({ prompt: '', seed, model: 'm' }), 502);
    return isDown;
  });
  const given = problems(generated('arithmetic'), 'sft', 40, {});
  const questions = given.flatMap((problem, index) => [0, 1, 2].map((sample) => ({ problem, index, sample })));
  const answerer = remoteAnswerer(job, 'Qwen/Math', { OPENAI_BASE_URL: url, OPENAI_API_KEY: key }, patience);
  const answers = openAnswers(join(root, 'answers'), () => {});
  let told = 0;
  const watch = { stopped: () => false, onAnswers: () => void told++ };
  await assert.rejects(
    answerer.answer(questions, answers, watch),
    failure('no-network', /answered 502, 4 times in a row/),
  );
  assert.ok(answers.count === told && told > 30 && told <= 50);
  isDown = false;
  answersLeft = Number.POSITIVE_INFINITY;
  asked.length = 0;
  slow.add(1);
  const before = performance.now();
  await answerer.answer(questions, answers, { ...watch, stopped: () => performance.now() - before > 100 });
  assert.ok(answers.count > told - 1 && performance.now() - before < 3000);
});

test('a failure of the whole job says what to do, and not where', async (t) => {
  const root = temporaryFolder(t);
  const { url } = await endpointOf(t, (_, response) => {
    reply(response, { error: { message: `no key like ${key}` } }, 401);
    return true;
  });
  const ended = await startTrainer(generateJob(root, 'refused', remote), undefined, {
    OPENAI_BASE_URL: url,
    OPENAI_API_KEY: key,
  }).ended;
  const failed = ended.events.at(-1);
  assert.ok(failed?.event === 'failed' && failed.kind === 'no-access');
  assert.ok(!`${JSON.stringify(ended.events)}${ended.stderr}`.includes(key));
  const unset = await startTrainer(generateJob(root, 'unset', remote), undefined, { OPENAI_BASE_URL: '' }).ended;
  const last = unset.events.at(-1);
  assert.ok(last?.event === 'failed' && /OPENAI_BASE_URL is not set/.test(last.message));
});
