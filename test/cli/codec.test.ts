import { doesNotMatch, equal, match, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pc from 'picocolors';
import { dataConverterOf } from '../../cli/codec.ts';
import { describeFailure } from '../../cli/failure.ts';
import { packageRoot, temporaryFolder } from './support.ts';

/** The codec of docs/execution.md, loaded anew with a key in the environment. */
async function codecWith(t: TestContext, key: string | undefined) {
  const execution = await readFile(join(packageRoot, 'docs', 'execution.md'), 'utf8');
  const [, text = ''] = /```js\n(\/\/ codec\.mjs\n[\s\S]*?)```/.exec(execution) ?? [];
  const path = join(await temporaryFolder(t), 'codec.mjs');
  await writeFile(path, text);
  t.after(() => delete process.env.TEMPORAL_CODEC_KEY);
  if (key === undefined) delete process.env.TEMPORAL_CODEC_KEY;
  else process.env.TEMPORAL_CODEC_KEY = key;
  const [codec] = (await dataConverterOf({ codec: path })).payloadCodecs ?? [];
  if (codec === undefined) throw new Error('there is no codec');
  return codec;
}

const told = (error: unknown) => describeFailure(error, pc.createColors(false), false).text;

test('a codec whose key is missing says so, and the hint is not of the module alone', async (t) => {
  for (const key of [undefined, 'secret']) {
    await rejects(codecWith(t, key), (error) => {
      match(told(error), /^error: cannot load the codec .*codec\.mjs\n {2}because: TEMPORAL_CODEC_KEY must be a key: /);
      match(
        told(error),
        /\n {2}hint: it is an ES module \(\.mjs\), and needs what it reads from the environment, its key$/,
      );
      doesNotMatch(told(error), /secret/);
      return true;
    });
  }
});

test('what was written with another key is not read, and that is what is said', async (t) => {
  const [mine, other] = [
    await codecWith(t, randomBytes(32).toString('hex')),
    await codecWith(t, randomBytes(32).toString('hex')),
  ];
  const payload = { metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('1') };
  const sealed = await mine.encode([payload]);
  equal(Buffer.from((await mine.decode(sealed))[0]?.data ?? []).toString(), '1');
  await rejects(other.decode(sealed), (error) => {
    match(told(error), /^error: the codec cannot read what is on the server: was it written with another key\?\n/);
    return true;
  });
});
