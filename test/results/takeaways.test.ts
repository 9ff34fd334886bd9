/** Verdicts on answers that are made up, with effects that are known. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { claimsOf } from '../../planner/claims.ts';
import { canonicalJson, sha256 } from '../../planner/key.ts';
import type { Plan } from '../../planner/plan.ts';
import { withDatabase } from '../../results/database.ts';
import { runQuery } from '../../results/query.ts';
import { type Answer, answerOf, gatherDeclared } from '../../results/verdicts/ask.ts';
import { keepVerdicts } from '../../results/verdicts/record.ts';
import type { TakeawayVerdict } from '../../results/verdicts/verdict.ts';
import { databasePath } from '../../store/home.ts';
import { planOfText } from '../planner/plans.ts';
import { startScript, temporaryHome } from '../store/support.ts';
import { claimsFile, recordAnswers, type Skill } from './claims.ts';

const contrast = (options = '') =>
  `  - {claim: Replay helps., contrast: {axis: replay, of: 20%, over: 0%, stage: tuned}, metric: id.pass@1${options}}`;
const trend = (direction: string) =>
  `  - {claim: It matters., trend: {axis: replay, direction: ${direction}, stage: tuned}, metric: id.pass@1}`;

async function verdictsOf(
  t: TestContext,
  file: string,
  skill: Skill,
): Promise<{ home: string; plan: Plan; found: TakeawayVerdict[] }> {
  const home = await temporaryHome(t);
  const plan = await planOfText(file);
  await recordAnswers(home, plan, skill);
  return { home, plan, found: await ask(home, plan) };
}

async function answer(home: string, plan: Plan): Promise<Answer> {
  const digest = sha256(canonicalJson(plan));
  return answerOf(
    await withDatabase(home, 'read', (connection) => gatherDeclared(connection, plan.lineage, digest, claimsOf(plan))),
  );
}

async function ask(home: string, plan: Plan): Promise<TakeawayVerdict[]> {
  const found = await answer(home, plan);
  assert.ok(await keepVerdicts(home, found, { patienceSeconds: 0 }));
  return found.verdicts;
}

/** Chances by share of replay, of tuned models. */
const skills =
  (chances: Record<string, number>, other = 0.5): Skill =>
  (address) =>
    Object.entries(chances).find(([share]) => address.includes(`replay=${share}`))?.[1] ?? other;

test('an effect that was put there is supported, the contrary contradicted, and its size in the interval', async (t) => {
  const { home, found } = await verdictsOf(
    t,
    claimsFile(`${contrast()}\n${contrast(', direction: lower')}`),
    skills({ '0%': 0.3, '20%': 0.6 }),
  );
  assert.deepEqual(
    found.map(({ verdict }) => verdict),
    ['supported', 'contradicted'],
  );
  const [part] = found[0]?.parts ?? [];
  assert.ok(part);
  assert.deepEqual([part.seeds, part.pairs, part.problems, part.test], [4, 4, 80, 't, seeds and problems']);
  assert.ok((part.low ?? 1) < 0.3 && 0.3 < (part.high ?? 0), `${part.low} to ${part.high}`);
  assert.equal(part.pCorrected, Math.min(1, 2 * (part.p ?? 1)), 'two tests, corrected by Holm');
  const { rows } = await runQuery(home, 'SELECT number, verdict, seeds, round(effect, 1) FROM takeaways');
  assert.deepEqual(
    rows.map(([number, verdict, seeds]) => [number, verdict, seeds]),
    [
      [1, 'supported', 4],
      [2, 'contradicted', 4],
    ],
  );
});

test('of no effect nothing is decided, and it is said what would', async (t) => {
  const { found } = await verdictsOf(t, claimsFile(contrast()), () => 0.5);
  assert.equal(found[0]?.verdict, 'inconclusive');
  const [part] = found[0]?.parts ?? [];
  assert.ok((part?.low ?? 1) < 0 && (part?.high ?? -1) > 0);
  assert.match(part?.said.join() ?? '', /would tell/);
});

test('one seed is underpowered, however large the effect, with the direction and what it would take', async (t) => {
  const { found } = await verdictsOf(t, claimsFile(contrast(), { seeds: [1] }), skills({ '0%': 0.2, '20%': 0.8 }));
  const [part] = found[0]?.parts ?? [];
  assert.equal(found[0]?.verdict, 'underpowered');
  assert.equal(part?.said[0], 'single runs, as claimed; a verdict takes 3 seeds');
  assert.match(part?.test ?? '', /McNemar/);
  assert.ok((part?.p ?? 1) < 0.001 && (part?.effect ?? 0) > 0.4);
  const { found: two } = await verdictsOf(t, claimsFile(contrast(), { seeds: [1, 2] }), skills({ '20%': 0.9 }, 0.2));
  assert.equal(two[0]?.verdict, 'underpowered');
  const { found: enough } = await verdictsOf(
    t,
    claimsFile(contrast(', seeds: 2, test: bootstrap'), { seeds: [1, 2] }),
    skills({ '20%': 0.9 }, 0.2),
  );
  assert.equal(enough[0]?.verdict, 'supported', 'two seeds are enough where the file says so');
});

test('the signs of four seeds cannot decide', async (t) => {
  const { found } = await verdictsOf(t, claimsFile(contrast(', test: permutation')), skills({ '20%': 0.9 }, 0.2));
  assert.deepEqual([found[0]?.verdict, found[0]?.parts[0]?.p], ['inconclusive', 1 / 8]);
});

test('trends: up, down, and one that levels off', async (t) => {
  const rising = skills({ '0%': 0.2, '5%': 0.35, '20%': 0.5, '40%': 0.7 });
  const { found } = await verdictsOf(t, claimsFile([trend('up'), trend('down')].join('\n')), rising);
  assert.deepEqual(
    found.map(({ verdict }) => verdict),
    ['supported', 'contradicted'],
  );
  assert.match(found[0]?.parts[0]?.said[0] ?? '', /^tau (0\.[89]|1\.0)\d? over 4 levels$/);
  const flat = trend('flat').replace('direction: flat', 'direction: flat, within: 0.25');
  const { found: level } = await verdictsOf(t, claimsFile([flat, trend('up')].join('\n')), () => 0.5);
  assert.deepEqual(
    level.map(({ verdict }) => verdict),
    ['supported', 'inconclusive'],
  );
  const saturated = skills({ '0%': 0.2, '5%': 0.7, '20%': 0.75, '40%': 0.75 });
  const { found: over } = await verdictsOf(t, claimsFile(trend('saturates')), saturated);
  const [part] = over[0]?.parts ?? [];
  assert.equal(part?.effectOf, 'saturation');
  assert.ok((part?.effect ?? 1) < 0.3, `${part?.effect}`);
});

test('an edited file is stale, and so is a verdict whose evaluations changed, until it is asked again', async (t) => {
  const skill = skills({ '0%': 0.3, '20%': 0.7 });
  const { home, plan, found } = await verdictsOf(t, claimsFile(contrast()), skill);
  assert.equal(found[0]?.verdict, 'supported');
  const edited = await planOfText(claimsFile(contrast(), { tokens: '30K' }));
  const [verdict] = await ask(home, edited);
  assert.equal(verdict?.verdict, 'stale');
  assert.match(verdict?.parts[0]?.said[0] ?? '', /^8 of 8 evaluations not done, the first of tuned@replay=20%,seed=1$/);
  const inView = async () =>
    (await runQuery(home, 'SELECT lineage, verdict, part_verdict FROM takeaways')).rows.map((row) => row.slice(1));
  assert.deepEqual(await inView(), [['supported', 'supported']], 'what was not run is not kept');
  // The lineage goes on as the edited file: what is kept is of another plan.
  await recordAnswers(home, edited, skill, []);
  assert.deepEqual(await inView(), [['stale', 'stale']]);
  await recordAnswers(home, plan, skill, []);
  assert.deepEqual(await inView(), [['supported', 'supported']]);
});

test('asked again, what is found as it was before writes nothing', async (t) => {
  const { home, plan, found } = await verdictsOf(
    t,
    claimsFile(`${contrast()}\n${trend('up')}`),
    skills({ '20%': 0.7 }, 0.3),
  );
  const written = async () => {
    const { mtimeMs, ino } = await stat(databasePath(home));
    return [mtimeMs, ino];
  };
  const before = await written();
  assert.deepEqual(await ask(home, plan), found);
  assert.deepEqual(await written(), before);
  await withDatabase(home, 'write', (connection) => connection.run("UPDATE verdicts SET said = '' WHERE number = 2"));
  const changed = await written();
  await ask(home, plan);
  assert.notDeepEqual(await written(), changed, 'what is kept otherwise is put right');
});

test('while somebody has the results open, asking has its answer at once, and keeps it later', async (t) => {
  const { home, plan, found } = await verdictsOf(t, claimsFile(contrast(), { seeds: [1] }), () => 0.5);
  await withDatabase(home, 'write', (connection) => connection.run('DELETE FROM verdicts'));
  const holder = startScript(t, new URL('./scripts/hold.js', import.meta.url), [home, 'read']);
  await holder.nextLine();
  const again = await answer(home, plan);
  assert.deepEqual(again.verdicts, found);
  assert.equal(await keepVerdicts(home, again, { patienceSeconds: 0 }), false);
  holder.say('enough');
  assert.equal(await holder.nextLine(), 'closed');
  assert.equal(await keepVerdicts(home, again), true);
  assert.deepEqual((await runQuery(home, 'SELECT verdict FROM takeaways')).rows, [['underpowered']]);
});

test('a model that was made again after it was evaluated makes the verdict stale', async (t) => {
  const home = await temporaryHome(t);
  const plan = await planOfText(claimsFile(contrast(), { seeds: [1, 2] }));
  await recordAnswers(home, plan, skills({ '20%': 0.8 }, 0.3), plan.nodes);
  assert.equal((await ask(home, plan))[0]?.verdict, 'underpowered');
  await withDatabase(home, 'write', (connection) =>
    connection.run("UPDATE attempts SET finished_at = '2027-01-01' WHERE address = 'tuned@replay=20%,seed=2'"),
  );
  const inView = 'SELECT verdict, part_verdict FROM takeaways';
  assert.deepEqual((await runQuery(home, inView)).rows, [['stale', 'stale']], 'before it is asked again');
  const [verdict] = await ask(home, plan);
  assert.equal(verdict?.verdict, 'stale');
  assert.match(verdict?.parts[0]?.said[0] ?? '', /older than their model, the first of tuned@replay=20%,seed=2/);
});

test('what holds of one metric and not of the other is not supported; a loss is better lower', async (t) => {
  const claim = contrast().replace('id.pass@1', '[id.pass@1, heldout.web.loss]');
  const { found } = await verdictsOf(t, claimsFile(claim), skills({ '20%': 0.8 }, 0.3));
  const [one, other] = found[0]?.parts ?? [];
  assert.deepEqual([one?.verdict, one?.claimed, other?.claimed], ['supported', 'higher', 'lower']);
  // The made-up losses are lower with replay, by the same amount in each seed: p is that of four signs.
  assert.deepEqual([other?.verdict, other?.p, found[0]?.verdict], ['inconclusive', 1 / 8, 'inconclusive']);
});

test('seeds that share a model are warned of', async () => {
  const file = claimsFile(contrast()).replace('pretrain: {model', 'pretrain: {seed: 7, model');
  const plan = await planOfText(file);
  assert.match(claimsOf(plan)[0]?.warnings.join() ?? '', /seeds share a model of `base`/);
  assert.deepEqual(claimsOf(await planOfText(claimsFile(contrast())))[0]?.warnings, []);
});
