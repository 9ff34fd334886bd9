// What the object storage's client does with answers that a healthy server gives seldom: a script in place of a server gives them.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { type Bucket, openBucket } from '../../store/remote/bucket.ts';
import type { StorageError } from '../../store/remote/errors.ts';
import { temporaryHome } from './support.ts';

before(() => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'AKIASCRIPT', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-script' });
});

/** What a server answers; `cut`: the connection ends in the middle of the body. */
interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  cut?: true;
}

test('a listing goes on until all pages have come', async (t) => {
  const { bucket, asked } = await scripted(t, ({ query }) => {
    const from = Number(query.get('continuation-token') ?? 0);
    const names = Array.from({ length: from === 2000 ? 500 : 1000 }, (_, at) => `team/files/${from + at}`);
    const contents = names.map((name) => `<Contents><Key>${name}</Key><Size>3</Size></Contents>`).join('');
    const more = from < 2000;
    const next = more ? `<NextContinuationToken>${from + 1000}</NextContinuationToken>` : '';
    return {
      body: `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents}</ListBucketResult>`,
    };
  });
  const names: string[] = [];
  for await (const { name, bytes } of bucket.list('files/')) {
    assert.equal(bytes, 3);
    names.push(name);
  }
  assert.deepEqual([names.length, new Set(names).size, names[0], names.at(-1)], [2500, 2500, 'files/0', 'files/2499']);
  assert.deepEqual(
    asked.map(({ query }) => query.get('prefix')),
    ['team/files/', 'team/files/', 'team/files/'],
  );
});

test('uploads in part are given up on all pages of their listing, also where one has ended meanwhile', async (t) => {
  const { bucket, asked } = await scripted(t, ({ method, query }) => {
    if (method === 'DELETE')
      return query.get('uploadId') === 'b' ? { status: 404, body: error('NoSuchUpload') } : { status: 204 };
    const upload = (id: string) => `<Upload><Key>team/files/x</Key><UploadId>${id}</UploadId></Upload>`;
    return query.get('upload-id-marker') === 'b'
      ? {
          body: `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${upload('c')}</ListMultipartUploadsResult>`,
        }
      : {
          body:
            '<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>team/files/x</NextKeyMarker>' +
            `<NextUploadIdMarker>b</NextUploadIdMarker>${upload('a')}${upload('b')}</ListMultipartUploadsResult>`,
        };
  });
  await bucket.abortUploads('files/');
  assert.deepEqual(
    asked.filter(({ method }) => method === 'DELETE').map(({ query }) => query.get('uploadId')),
    ['a', 'b', 'c'],
  );
});

test('of two that put a manifest at one moment, each asks again until it knows', async (t) => {
  const answers = [{ status: 409, body: error('ConditionalRequestConflict') }, { status: 200 }];
  const winner = await scripted(t, () => answers.shift() as Answer);
  assert.equal(await winner.bucket.putNew('manifests/x', '{}'), true);
  const conflicts = [
    { status: 409, body: error('ConditionalRequestConflict') },
    { status: 412, body: error('PreconditionFailed') },
  ];
  const loser = await scripted(t, () => conflicts.shift() as Answer);
  assert.equal(await loser.bucket.putNew('manifests/x', '{}'), false);
  for (const { headers } of [...winner.asked, ...loser.asked]) assert.equal(headers['if-none-match'], '*');
});

test('an object that is shorter than what is asked for from there on has no more bytes', async (t) => {
  const { bucket } = await scripted(t, () => ({ status: 416, body: error('InvalidRange') }));
  const bytes = await bucket.read('files/x', 1000);
  assert.ok(bytes);
  for await (const _ of bytes) assert.fail('it has bytes');
});

test('a body that breaks off is asked for again; a server that gives none at all is asked no more often than any', async (t) => {
  let times = 0;
  const broken = await scripted(t, () => {
    times += 1;
    return times === 1 ? { body: '{"half": true}', cut: true } : { body: '{"whole": true}' };
  });
  assert.equal(await broken.bucket.readText('manifests/x'), '{"whole": true}');
  const busy = await scripted(t, () => ({ status: 503, body: error('SlowDown') }));
  await assert.rejects(busy.bucket.readText('manifests/x'), {
    name: 'StorageError',
    kind: 'no-network',
    message: /s3:\/\/lineages\/team at http:\/\/127\.0\.0\.1:\d+, reading manifests\/x: .*SlowDown, HTTP 503/,
  });
  assert.equal(busy.asked.length, 4);
});

test('a file that was changed is never sent whole', async (t) => {
  const { bucket, asked } = await scripted(t, () => ({ status: 200 }));
  const path = join(await temporaryHome(t), 'weights');
  writeFileSync(path, 'other bytes');
  await assert.rejects(bucket.putFile('files/x', { path, bytes: 11, sha256: '0'.repeat(64) }), {
    name: 'StoreError',
    message: /was changed since it was published: run descent verify/,
  });
  assert.equal(asked.length, 0);
});

test('a clock that is wrong is told of as that', async (t) => {
  const { bucket } = await scripted(t, () => ({ status: 403, body: error('RequestTimeTooSkewed') }));
  await assert.rejects(bucket.putNew('plans/x', '{}'), { kind: 'no-access', message: /clock/ });
});

test('an address in the environment that is none is told of at once, and not printed: it may have a password', async (t) => {
  t.after(() => {
    delete process.env.AWS_ENDPOINT_URL_S3;
  });
  for (const none of ['minio:9000', 'user:pass@minio', 'no address', 'https://a b']) {
    process.env.AWS_ENDPOINT_URL_S3 = none;
    await assert.rejects(openBucket({ bucket: 'lineages' }), (error: StorageError) => {
      assert.equal(error.kind, 'no-access');
      assert.match(error.message, /AWS_ENDPOINT_URL_S3 has to be a URL/);
      assert.doesNotMatch(error.message, /pass|minio|a b/);
      return true;
    });
  }
  process.env.AWS_ENDPOINT_URL_S3 = '';
  (await openBucket({ bucket: 'lineages' })).close();
});

interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
}

/** A bucket of a server that answers as a function says, ended with the test. */
async function scripted(t: TestContext, answer: (asked: Asked) => Answer): Promise<{ bucket: Bucket; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    incoming.on('end', () => {
      const { pathname, searchParams } = new URL(incoming.url ?? '', 'http://server');
      const one = { method: incoming.method ?? '', path: pathname, query: searchParams, headers: incoming.headers };
      asked.push(one);
      const { status = 200, headers = {}, body = '', cut } = answer(one);
      outgoing.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
      if (!cut) return outgoing.end(body);
      outgoing.write(body.slice(0, body.length / 2), () => outgoing.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const bucket = await openBucket({ bucket: 'lineages', prefix: 'team', endpoint: `http://127.0.0.1:${port}` });
  t.after(() => {
    bucket.close();
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { bucket, asked };
}

function error(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>of the script</Message></Error>`;
}
