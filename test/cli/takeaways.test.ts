/** `descent takeaways` on results that are made up. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import picocolors from 'picocolors';
import { renderTakeaways } from '../../cli/render/takeaways.ts';
import type { TakeawayVerdict } from '../../results/verdicts/verdict.ts';
import { rememberRun, writePlan } from '../../store/plans.ts';
import { planOf } from '../planner/plans.ts';
import { claimsFile, recordAnswers } from '../results/claims.ts';
import { descent } from './support.ts';

const claims = `  - {claim: Replay helps after SFT, contrast: {axis: replay, of: 20%, over: 0%}, metric: id.pass@1}
  - {claim: The more the better, trend: {axis: replay, direction: up}, metric: id.pass@1}`;
let folder = '';
let file = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent cli '));
  file = join(folder, 'lineage.yaml');
  await writeFile(file, claimsFile(claims, { seeds: [1, 2, 3] }));
  const plan = await planOf(file);
  const home = join(folder, '.descent');
  await rememberRun(home, plan.lineage, await writePlan(home, plan));
  await recordAnswers(home, plan, (address) => (address.includes('replay=20%') ? 0.8 : 0.3));
});
after(() => rm(folder, { recursive: true, force: true }));

test('a table of all, by name, by file, or of what ran last', async () => {
  const { exitCode, stdout, stderr } = await descent(['takeaways'], folder);
  deepEqual([exitCode, stderr], [0, '']);
  match(
    stdout,
    /^ +takeaway +verdict +points +effect +interval +seeds +p\n1 +Replay helps after SFT +supported +as claimed +\+\d\d\.\d pp +95 % \[\d\d\.\d, \d\d\.\d\] +3 +[<\d.]+\n2 /,
  );
  deepEqual(await descent(['takeaways', 'claims'], folder), { exitCode, stdout, stderr });
  deepEqual(await descent(['takeaways', 'lineage.yaml'], folder), { exitCode, stdout, stderr });
});

test('one in full, and as JSON', async () => {
  const { stdout } = await descent(['takeaways', 'claims', '1'], folder);
  match(
    stdout,
    /^1 {2}supported\nReplay helps after SFT\n\nid\.pass@1 {2}supported\n {2}claimed +higher\n {2}points +as claimed\n/,
  );
  match(
    stdout,
    /\n {2}over +3 seeds, 3 pairs, 80 problems\n {2}test +t, seeds and problems\n {2}p +.*corrected \(holm\)/,
  );
  const { stdout: json } = await descent(['takeaways', 'claims', '2', '--json'], folder);
  const { lineage, takeaways } = JSON.parse(json) as {
    lineage: string;
    takeaways: { verdict: string; parts: { p: number }[] }[];
  };
  deepEqual([lineage, takeaways.length, takeaways[0]?.verdict], ['claims', 1, 'inconclusive']);
  const { exitCode, stderr } = await descent(['takeaways', 'claims', '3'], folder);
  equal(exitCode, 1);
  match(stderr, /there is no takeaway 3\n.*there are 1, 2/);
});

test('claims on one line and cut to a table, columns left out where a terminal is narrow', () => {
  const part = {
    name: 'id.pass@1',
    metric: 'id.pass@1',
    claimed: 'higher',
    verdict: 'inconclusive',
    effectOf: 'difference',
    effect: 0.031,
    low: 0.001,
    high: 0.061,
    test: 't, seeds and problems',
    points: 'for',
    p: 0.04,
    pCorrected: 0.08,
    seeds: 3,
    pairs: 3,
    problems: 80,
    said: [],
  } as const;
  const claim = `More of it helps ${'and helps '.repeat(9)}`.trim();
  const one: TakeawayVerdict = {
    number: 1,
    name: null,
    claim,
    verdict: 'inconclusive',
    alpha: 0.05,
    correction: 'holm',
    parts: [{ ...part, said: [] }],
    warnings: [],
    missing: [],
  };
  const plain = picocolors.createColors(false);
  equal(
    renderTakeaways([one], plain),
    `   takeaway                                                                 verdict       points       effect  interval         seeds      p
1  More of it helps and helps and helps and helps and helps and helps and…  inconclusive  as claimed  +3.1 pp  95 % [0.1, 6.1]      3  0.080
p is corrected (holm) for all that is tested here; intervals are not`,
  );
  equal(
    renderTakeaways([one], plain, 50),
    `   takeaway              verdict        effect      p
1  More of it helps an…  inconclusive  +3.1 pp  0.080
p is corrected (holm) for all that is tested here; intervals are not`,
  );
});

test('the paper’s, and a lineage that there is not', async () => {
  const paper = await descent(['takeaways', 'claims', '--paper'], folder);
  equal(paper.exitCode, 0);
  match(paper.stdout, /^11 +allocation +not asked$/m);
  match(paper.stdout, /^11 is not asked: id Pass@1 of three ways/m);
  const { exitCode, stderr } = await descent(['takeaways', 'claim'], folder);
  equal(exitCode, 1);
  match(stderr, /there is no lineage claim\n.*the only one is claims/);
});

test('a file that was edited since: stale, and it says so', async () => {
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('examples: 100', 'examples: 200'));
  const { exitCode, stdout, stderr } = await descent(['takeaways'], folder);
  equal(exitCode, 0);
  match(
    stderr,
    /lineage\.yaml has changed since it was run: what is stale waits for `descent run .*lineage\.yaml'?`\n/,
  );
  match(stdout, /^1 is stale: \d+ of \d+ evaluations not done, the first of /m);
  match(stdout, /^1 +Replay helps after SFT +stale/m);
});
