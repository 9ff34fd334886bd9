import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../../cli/config.ts';
import { collectorOf, openTracing } from '../../cli/telemetry.ts';
import { descent, smallLineage } from '../cli/support.ts';
import { type Span, type TestCollector, testCollector } from '../fixtures/collector.ts';
import { type TestHome, testHome } from '../fixtures/home.ts';

/*
 * What a collector of OpenTelemetry's gets of a lineage that the command line runs, on the home's own server:
 *
 *   run small ─▶ lineageWorkflow ─▶ requestNodes ─▶ nodeWorkflow ─▶ executeNode base@…
 *                               └─▶ executeNode tokenizer, base@…/heldout
 */

let home: TestHome;
let collector: TestCollector;

before(async () => {
  home = await testHome();
  collector = await testCollector();
  writeFileSync(join(home.folder, 'lineage.yaml'), smallLineage);
});

after(async () => {
  await collector.stop();
  await home.remove();
});

describe('a run with a collector', () => {
  const secret = 'Bearer-of-a-collector';

  before(async () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${secret}`,
    };
    const { exitCode, stdout, stderr } = await descent(['run', 'lineage.yaml'], home.folder, { env });
    assert.equal(exitCode, 0, stdout + stderr);
    assert.doesNotMatch(stdout, /collector/);
    await home.nothingLeft();
  });

  test('is one trace, from the command to each node that it executes', () => {
    const [run, ...others] = named(/^run small$/);
    assert.ok(run && others.length === 0);
    assert.equal(run.attributes['descent.lineage'], 'small');
    const executed = named(/^RunActivity:executeNode$/);
    assert.deepEqual(executed.map(({ attributes }) => attributes['descent.node']).sort(), [
      'base@lr=1e-3',
      'base@lr=1e-3/heldout',
      'base@lr=3e-3',
      'base@lr=3e-3/heldout',
      'tokenizer:bytes',
    ]);
    for (const span of executed) {
      assert.deepEqual([span.traceId, span.service, span.failed], [run.traceId, 'descent', false]);
      assert.match(String(span.attributes['descent.key']), /^[0-9a-f]{64}$/);
      assert.equal(Number(span.attributes['descent.attempt']), 1);
      const above = ancestors(span);
      assert.equal(above.at(-1)?.spanId, run.spanId, `${span.attributes['descent.node']} ends below the run`);
      assert.ok(above.some(({ name }) => name === 'RunWorkflow:lineageWorkflow'));
      const training = /^base@lr=.e-3$/.test(String(span.attributes['descent.node']));
      const node = above.find(({ name }) => name === 'RunWorkflow:nodeWorkflow');
      assert.equal(node?.attributes['descent.node'], training ? span.attributes['descent.node'] : undefined);
    }
  });

  test('sends no span for those who only look', () => {
    assert.deepEqual(named(/Query|Describe/), []);
    assert.deepEqual(
      collector.spans.filter(({ traceId }) => traceId !== named(/^run small$/)[0]?.traceId).map(({ name }) => name),
      [],
    );
  });

  test('sends the metrics of Temporal’s runtime', () => {
    assert.ok(collector.metrics.some((body) => body.includes('temporal_workflow_completed')));
  });

  test('sends the collector its key in the header and nowhere else', () => {
    assert.equal(
      collector.received().split(secret).length - 1,
      collector.received().split('"authorization"').length - 1,
    );
    assert.ok(collector.received().includes(secret));
  });
});

describe('a collector that is away', () => {
  test('is told once, without the password in its URL, and keeps nobody', async () => {
    const { config } = await loadConfig(home.folder, {});
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:hidden@127.0.0.1:1' };
    const told: string[] = [];
    const tracing = await openTracing(config, env, (text) => told.push(text));
    for (const name of ['first', 'second'])
      await tracing.during(name, {}, () => new Promise((done) => setTimeout(done, 600)));
    await tracing.close();
    assert.deepEqual(told, [
      'the OpenTelemetry collector at 127.0.0.1:1 takes no traces (ECONNREFUSED); the run goes on',
    ]);
  });

  test('is named by the environment, else by the configuration', async () => {
    writeFileSync(join(home.folder, 'otlp.json'), '{"otlpEndpoint": "https://collector.example.org/otlp/"}');
    const { config } = await loadConfig(home.folder, { DESCENT_TEMPORAL_CONFIG: 'otlp.json' });
    const base = 'https://collector.example.org/otlp/v1';
    assert.deepEqual(collectorOf(config, {}), { traces: `${base}/traces`, metrics: `${base}/metrics` });
    const traces = 'http://127.0.0.1:4318/elsewhere';
    assert.deepEqual(collectorOf(config, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces }), {
      traces,
      metrics: `${base}/metrics`,
    });
    assert.deepEqual(collectorOf(config, { OTEL_SDK_DISABLED: 'true' }), { traces: null, metrics: null });
    assert.throws(() => collectorOf(config, { OTEL_EXPORTER_OTLP_ENDPOINT: 'host:4318' }), /OTLP_ENDPOINT is no URL$/);
  });
});

test('a port for metrics that is taken is said before anything starts', async () => {
  const taken = createServer();
  await once(taken.listen(0, '127.0.0.1'), 'listening');
  const { port } = taken.address() as AddressInfo;
  writeFileSync(join(home.folder, 'other.yaml'), smallLineage.replace('tokens: 8K', 'tokens: 16K'));
  const { exitCode, stderr } = await descent(['run', 'other.yaml', '--metrics-port', String(port)], home.folder);
  taken.close();
  assert.equal(exitCode, 1);
  assert.match(stderr, new RegExp(`port ${port} of 127\\.0\\.0\\.1, for metrics, cannot be had`));
  await home.nothingLeft();
});

function named(name: RegExp): Span[] {
  return collector.spans.filter((span) => name.test(span.name));
}

/** The spans that a span lies within, innermost first. */
function ancestors(span: Span): Span[] {
  const parent = collector.spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent === undefined ? [] : [parent, ...ancestors(parent)];
}
