import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Problem } from '../../ui/protocol.ts';
import { nowOf } from './lineage.ts';
import {
  type Answer,
  type Asking,
  madeLive,
  type Served,
  serve,
  sharedEnding,
  streamOf,
  temporaryFolder,
} from './support.ts';

/*
 * Who may ask what: no other site, no other name of this machine, nobody without the token, and nothing but the page's files.
 */

const suite = sharedEnding();
after(suite.over);

let served: Served;
before(async () => {
  served = await serve(suite, await temporaryFolder(suite), {
    live: madeLive(nowOf('waiting')),
    timing: { headMs: 500 },
  });
});

const own = () => `127.0.0.1:${served.port}`;

test('a request has to name this machine, with the port', async () => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', 'LOCALHOST'])
    equal((await served.ask('/', { headers: { host: `${host}:${served.port}` } })).status, 200, host);
  for (const host of [
    'evil.example',
    `evil.example:${served.port}`,
    `127.0.0.1.evil.example:${served.port}`,
    'localhost',
  ])
    for (const path of ['/', '/page.js', '/api/lineages']) {
      const { status, json } = await served.ask(path, { headers: { host } });
      deepEqual([status, typeof (json() as Problem).error], [421, 'string'], `${host}${path}`);
    }
});

test('a page of another site may ask nothing, with the token neither', async () => {
  equal((await served.ask('/api/lineages', { headers: { origin: `http://${own()}` } })).status, 200);
  const foreign: Record<string, string>[] = [
    { origin: 'http://evil.example' },
    { origin: `https://${own()}` },
    { origin: `http://localhost:${served.port + 1}` },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ];
  for (const headers of foreign) {
    equal((await served.ask('/api/lineages', { headers })).status, 403, JSON.stringify(headers));
    equal((await served.ask('/', { headers })).status, 403, JSON.stringify(headers));
  }
  const { headers } = await served.ask('/api/lineages');
  equal(headers['access-control-allow-origin'], undefined);
});

test('a link of another site leads to the page, and to nothing that it tells', async () => {
  const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  const followed = { ...visit, authorization: undefined };
  equal((await served.ask('/', { headers: followed })).status, 200);
  equal((await served.ask('/api/lineages', { headers: followed })).status, 401);
  equal((await served.ask('/', { headers: { ...followed, origin: 'http://evil.example' } })).status, 403, 'a form');
  for (const other of [{ 'sec-fetch-dest': 'iframe' }, { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' }])
    equal((await served.ask('/', { headers: { ...followed, ...other } })).status, 403, JSON.stringify(other));
});

test('what is asked of the API has to have the token, and nothing else of the server', async () => {
  const token = served.token;
  const wrong = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    token,
    `Basic ${token}`,
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
  ];
  for (const authorization of wrong)
    for (const path of ['/api/lineages', '/api/nothing', '/api/sql']) {
      const { status, headers } = await served.ask(path, { headers: { authorization } });
      deepEqual([status, headers['www-authenticate']], [401, 'Bearer'], `${authorization} ${path}`);
    }
  const query = await served.ask(`/api/lineages?token=${token}`, { headers: { authorization: undefined } });
  equal(query.status, 401, 'no address has it');
  equal((await served.ask('/', { headers: { authorization: undefined } })).status, 200);
  ok(Buffer.from(token, 'base64url').length === 32);
  equal(
    new Set([token, (await serve(suite, await temporaryFolder(suite), { live: madeLive(nowOf('done')) })).token]).size,
    2,
  );
});

test('every answer says what a browser must not do with it', async () => {
  const answers = await Promise.all([
    served.ask('/'),
    served.ask('/nothing'),
    served.ask('/api/lineages'),
    served.ask('/api/lineages/nothing'),
    served.ask('/', { headers: { host: 'evil.example' } }),
    served.ask('/api/lineages/made/changes', { method: 'HEAD' }),
  ]);
  for (const { headers } of answers) {
    match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
    doesNotMatch(String(headers['content-security-policy']), /unsafe/);
    equal(headers['x-content-type-options'], 'nosniff');
    equal(headers['referrer-policy'], 'no-referrer');
    equal(headers['x-frame-options'], 'DENY');
  }
  equal(answers[2]?.headers['cache-control'], 'no-store');
});

test('of files there are those of the page, whatever the path says', async () => {
  const page = await served.ask('/');
  deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
  deepEqual((await served.ask('/index.html')).body, page.body);
  equal((await served.ask('/page.js')).headers['content-type'], 'text/javascript; charset=utf-8');
  for (const path of [
    '/../secret.html',
    '/page/../../secret.html',
    '/%2e%2e/secret.html',
    '/..%2fsecret.html',
    '/..\\secret.html',
    '//secret.html',
    '/.sources',
    '/page.js/',
    '/page.js%00.html',
    '/%',
    'http://127.0.0.1/../secret.html',
  ]) {
    const answer = await served.ask(path);
    equal(answer.status, 404, path);
    doesNotMatch(answer.body.toString('utf8'), /^secret/);
  }
});

test('methods: HEAD is GET without a body, others are refused with what is allowed', async () => {
  for (const path of ['/', '/api/lineages']) {
    const [head, get] = [await served.ask(path, { method: 'HEAD' }), await served.ask(path)];
    deepEqual([head.status, head.body.length], [200, 0]);
    equal(head.headers['content-length'], get.headers['content-length']);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      const { status, headers } = await served.ask(path, { method });
      deepEqual([status, headers.allow], [405, 'GET, HEAD'], `${method} ${path}`);
    }
  }
  const control = await served.ask('/api/lineages/made/pause');
  deepEqual([control.status, control.headers.allow], [405, 'POST']);
  const both = await served.ask('/api/sql', { method: 'PUT' });
  deepEqual([both.status, both.headers.allow], [405, 'GET, HEAD, POST']);
  equal((await served.ask('/api/lineages/made/changes', { method: 'HEAD' })).status, 200);
});

test('a body is JSON, and no larger than a query', async () => {
  const post = (body: string, headers: Asking['headers'] = {}) =>
    served.ask('/api/sql', { method: 'POST', body, headers });
  equal((await post('{"sql": "select 1"}', { 'content-type': 'text/plain' })).status, 415);
  equal((await post('{"sql"')).status, 400);
  for (const body of [
    'null',
    '[]',
    '{}',
    '{"sql": 1}',
    '{"sql": "x", "parameters": 3}',
    '{"sql": "x", "parameters": {"a": []}}',
  ])
    equal((await post(body)).status, 400, body);
  equal((await post('x'.repeat(300_000))).status, 413);
  equal((await post('x'.repeat(300_000), { 'transfer-encoding': 'chunked' })).status, 413);
  deepEqual(served.errors, []);
});

test('answers are compressed for whoever takes that', async () => {
  const plain = await served.ask('/');
  const packed = await served.ask('/', { headers: { 'accept-encoding': 'br, gzip' } });
  equal(packed.headers['content-encoding'], 'gzip');
  ok(packed.body.length < plain.body.length);
  deepEqual(gunzipSync(packed.body), plain.body);
});

/** What a server answers to bytes that are sent, until it closes the connection. */
function sent(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: served.port, host: '127.0.0.1' });
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

test('who sends a request slowly, or too much of a head, is not waited for', async () => {
  match(await sent(`GET / HTTP/1.1\r\nHost: ${own()}\r\nX-Slow: `), /^HTTP\/1\.1 408 /);
  match(await sent(`GET / HTTP/1.1\r\nHost: ${own()}\r\nX-Much: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  match(await sent('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
});

describe('streams', () => {
  test('there are so many of them, and no more', async () => {
    const opened = await Promise.allSettled(
      Array.from({ length: 40 }, () => streamOf(served, '/api/lineages/made/changes')),
    );
    const streams = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    equal(streams.length, 32, 'also of those that come at once');
    const refused: Answer = await served.ask('/api/lineages/made/changes');
    deepEqual([refused.status, refused.headers['retry-after']], [503, '5']);
    streams[0]?.leave();
    await streams[0]?.ended;
    const another = await streamOf(served, '/api/lineages/made/changes');
    for (const stream of [...streams, another]) stream.leave();
  });

  test('end with the server, which leaves nothing open', async (t) => {
    const other = await serve(t, await temporaryFolder(t), { live: madeLive(nowOf('waiting')) });
    const stream = await streamOf(other, '/api/lineages/made/changes');
    const idle = connect({ port: other.port, host: '127.0.0.1' });
    await new Promise((resolve) => idle.once('connect', resolve));
    const closed = new Promise((resolve) => idle.once('close', resolve));
    await other.close();
    await Promise.all([stream.ended, closed]);
    await rejects(other.ask('/'), /ECONNREFUSED/);
  });
});
