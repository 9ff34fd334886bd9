// docs/reference/environment.md names every variable of the environment that is read, and no other.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { environment } from '../../reference/environment.ts';
import { packageRoot } from '../cli/support.ts';

/** What Descent sets for a trainer or a library, or finds a program or a folder by. */
const notToBeSet = [
  'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
  'DESCENT_THREADS',
  'HOME',
  'OMP_NUM_THREADS',
  'PATH',
  'TF_CPP_MIN_LOG_LEVEL',
  'TF_ENABLE_ONEDNN_OPTS',
  'TF_NUM_INTEROP_THREADS',
  'TF_NUM_INTRAOP_THREADS',
];

const described = environment.flatMap(({ variables }) => variables.map(({ name }) => name));

/** Everything that is compiled, but for tests, benchmarks and the list itself; and set-up. */
const sources = readdirSync(packageRoot, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|tsx|mjs)$/.test(file) && !/^(node_modules|dist|test|bench|\.)/.test(file))
  .filter((file) => file !== join('reference', 'environment.ts'))
  .map((file) => readFileSync(join(packageRoot, file), 'utf8'));

test('what the sources read is described', () => {
  const read = new Set(
    sources.flatMap((text) => [
      ...[...text.matchAll(/\benv(?:\.|\[')([A-Z][A-Z0-9_]+)/g)].map(([, name]) => name ?? ''),
      ...[...text.matchAll(/\{([^{}]*)\}\s*(?:=\s*(?:process|context)\.env\b|:\s*NodeJS\.ProcessEnv)/g)].flatMap(
        ([, names]) => names?.match(/\b[A-Z][A-Z0-9_]+\b/g) ?? [],
      ),
      ...[...text.matchAll(/['`]((?:DESCENT|OTEL|OPENAI|HF)_[A-Z0-9_]+)['`]/g)].map(([, name]) => name ?? ''),
    ]),
  );
  assert.ok(read.has('DESCENT_HOME') && read.has('OPENAI_API_KEY') && read.has('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'));
  assert.deepEqual([...read].filter((name) => !described.includes(name) && !notToBeSet.includes(name)).sort(), []);
});

test('what is described is read, by the sources or by the libraries that they hand the environment to', () => {
  const libraries = [
    '@temporalio/envconfig',
    '@opentelemetry/otlp-exporter-base',
    '@aws-sdk/credential-provider-env',
    '@smithy/core',
  ].flatMap((name) => {
    const folder = join(packageRoot, 'node_modules', name);
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .map((file) => readFileSync(join(folder, file), 'utf8'));
  });
  const all = [...sources, ...libraries].join('\n');
  assert.deepEqual(
    described.filter((name) => !new RegExp(`\\b${name}\\b`).test(all)),
    [],
  );
});
