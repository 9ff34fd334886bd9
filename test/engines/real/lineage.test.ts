import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { storeFolder } from '../../../store/home.ts';
import { outcome } from '../../chaos/storm.ts';
import { descent, temporaryFolder } from '../../cli/support.ts';
import { runToEnd, startRun, tinyLineage, until } from '../../lineage/support.ts';

/*
 *  base ── mid ──── tuned ── more ───────── rl ────── rl/upstream, rl/id
 *  LitGPT  descent  TRL      LLaMA-Factory  descent   lm-evaluation-harness
 */
const mixed = tinyLineage
  .replace('tokens: 100K, batch: 1K}}', 'tokens: 100K, batch: 1K, engine: litgpt}}')
  .replace(
    /^ {2}tuned: .*\n {2}rl: {rl: {from: tuned/m,
    `  tuned: {sft: {from: mid, data: math/problems, examples: 800, batch: 8, epochs: 2, engine: trl}}
  more: {sft: {from: tuned, data: math/problems, examples: 800, batch: 8, epochs: 2, engine: llama-factory}}
  rl: {rl: {from: more`,
  )
  .replace(
    /^evaluate: .*$/m,
    'evaluate: {each: [rl], suites: [upstream, id], problems: 20, samples: 2, maxResponse: 8, engine: lm-eval}',
  );

test('engines and the built-in trainer take turns in one lineage, which ends in the same tables whatever is killed', {
  timeout: 3_600_000,
}, async (t) => {
  const [calm, struck] = [await lineage(t), await lineage(t)];
  await Promise.all([runToEnd(t, calm.file, calm.home, 1), strike(t, struck)]);

  const query = `select address, any_value(regexp_extract(engine, '^[\\w-]+')) as engine from nodes join attempts using (key)
    where engine is not null and address not like 'overlap:%' group by address order by address`;
  const { stdout, stderr } = await descent(['query', query, '--format', 'json'], calm.folder, {
    env: { DESCENT_HOME: calm.home },
  });
  const rows = JSON.parse(stdout || stderr) as { address: string; engine: string }[];
  assert.deepEqual(Object.fromEntries(rows.map(({ address, engine }) => [address, engine])), {
    ...{ base: 'LitGPT', mid: 'descent', tuned: 'TRL', more: 'LLaMA-Factory', rl: 'descent' },
    ...{ 'rl/upstream': 'lm-evaluation-harness', 'rl/id': 'lm-evaluation-harness', 'tokenizer:words': 'descent' },
  });
  assert.deepEqual(await outcome(struck.home), await outcome(calm.home));
});

interface Lineage {
  folder: string;
  file: string;
  home: string;
}

/** Runs a lineage to its end, though LitGPT and TRL are killed, and the run is interrupted while LLaMA-Factory trains. */
async function strike(t: TestContext, { file, home }: Lineage): Promise<void> {
  const run = startRun(t, file, home);
  for (const engine of ['LitGPT', 'TRL']) process.kill(await trains(home, engine), 'SIGKILL');
  await trains(home, 'LLaMA-Factory');
  run.process.kill('SIGINT');
  const { exitCode, output } = await run.ended;
  assert.equal(exitCode, 130, output);
  await runToEnd(t, file, home, 1);
}

async function lineage(t: TestContext): Promise<Lineage> {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'lineage.yaml');
  await writeFile(file, mixed);
  return { folder, file, home: join(folder, 'home') };
}

/** Waits until an engine has done some steps, and gives the process that drives it. */
function trains(home: string, engine: string): Promise<number> {
  return until(
    `${engine} to train`,
    async () => {
      for (const key of await readdir(storeFolder(home)).catch(() => [])) {
        const folder = join(storeFolder(home), key);
        const running = await readFile(join(folder, 'running.json'), 'utf8').catch(() => undefined);
        const events = await readFile(join(folder, 'attempt-1', 'events.jsonl'), 'utf8').catch(() => '');
        if (running === undefined || !events.includes(`"engine":"${engine} `)) continue;
        const { trainer } = JSON.parse(running) as { trainer: { pid: number } | null };
        if (trainer && /"event":"metrics","step":(?:[2-9]\d|1\d\d),/.test(events)) return trainer.pid;
      }
      return undefined;
    },
    30,
  );
}
