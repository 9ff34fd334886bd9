/** `descent report` on results that are made up, and on imported ones. */
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { rememberRun, writePlan } from '../../store/plans.ts';
import { planOf } from '../planner/plans.ts';
import { claimsFile, recordAnswers } from '../results/claims.ts';
import { descent } from './support.ts';

const claims = '  - {claim: "Replay <b>helps</b>", contrast: {axis: replay, of: 20%, over: 0%}, metric: id.pass@1}';
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'descent cli '));
  const file = join(folder, 'lineage.yaml');
  const text = claimsFile(claims, { seeds: [1, 2, 3] }).replace(
    '\n',
    '\ntitle: "Is <script>replay</script> worth it?"\n',
  );
  await writeFile(file, text);
  const plan = await planOf(file);
  const home = join(folder, '.descent');
  await rememberRun(home, plan.lineage, await writePlan(home, plan));
  await recordAnswers(home, plan, (address) => (address.includes('replay=20%') ? 0.8 : 0.3));
});
after(() => rm(folder, { recursive: true, force: true }));

test('a page of the lineage that ran last, with its verdicts; again, to the byte', async () => {
  deepEqual(await descent(['report'], folder), { exitCode: 0, stdout: 'wrote claims-report.html\n', stderr: '' });
  const html = await readFile(join(folder, 'claims-report.html'), 'utf8');
  match(html, /<h1>Is &#60;script&#62;replay&#60;\/script&#62; worth it\?<\/h1>/);
  match(html, /<td>Replay &#60;b&#62;helps&#60;\/b&#62;<\/td><td>supported<\/td>/);
  doesNotMatch(html, /<script|<b>/);
  equal((await descent(['report', 'claims', '--out', 'again.html'], folder)).exitCode, 0);
  equal(await readFile(join(folder, 'again.html'), 'utf8'), html);
});

test('Markdown by the ending of the file', async () => {
  equal((await descent(['report', 'claims', '--out', 'report.md'], folder)).exitCode, 0);
  const markdown = await readFile(join(folder, 'report.md'), 'utf8');
  match(markdown, /^# Is \\<script\\>replay/);
  match(markdown, /^\| 1 \| id\.pass@1 \| higher \| supported \| as claimed \| \\?\+\d/m);
  match(markdown, /^- \d+ nodes of \d+ not done yet\.$/m);
});

test('what was imported has the paper’s takeaways, and no intervals', async () => {
  equal((await descent(['import', 'published/evolm'], folder)).exitCode, 0);
  equal((await descent(['report', 'published/evolm', '--format', 'md'], folder)).exitCode, 0);
  const markdown = await readFile(join(folder, 'published-evolm-report.md'), 'utf8');
  match(markdown, /^Lineage published\/evolm, 105 evaluated models\. Nothing of it was run here: /m);
  match(markdown, /^\| 12 \| reward-scores-tell \| .* \| underpowered \|$/m);
  match(markdown, /^\| 1B-160BT-8\+42BT-100Kep1 \| one seed \| [\d.]+ % \|/m);
  match(markdown, /collapsed \(runaway-length\), one seed/);
  doesNotMatch(markdown, /not done yet/);
});

test('a lineage that there is not, and a folder in the way: nothing is written', async () => {
  const before = await readdir(folder);
  const unknown = await descent(['report', 'claim'], folder);
  equal(unknown.exitCode, 1);
  match(unknown.stderr, /there is no lineage claim\n.*did you mean `claims`/);
  const taken = await descent(['report', 'claims', '--out', '.', '--format', 'html'], folder);
  equal(taken.exitCode, 1);
  match(taken.stderr, /\. is a folder/);
  deepEqual(await readdir(folder), before);
});
