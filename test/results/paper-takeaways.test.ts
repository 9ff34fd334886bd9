/** The paper's twelve takeaways, asked of what it published and of a lineage whose effects are known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPublication } from '../../cli/import.ts';
import { withDatabase } from '../../results/database.ts';
import { recordImport } from '../../results/imports.ts';
import { type Publication, publications } from '../../results/publications.ts';
import { runQuery } from '../../results/query.ts';
import { answerOf, gatherPaper } from '../../results/verdicts/ask.ts';
import { paperTakeaways } from '../../results/verdicts/paper.ts';
import { keepVerdicts } from '../../results/verdicts/record.ts';
import type { PartVerdict, TakeawayVerdict } from '../../results/verdicts/verdict.ts';
import { planOfText } from '../planner/plans.ts';
import { temporaryHome } from '../store/support.ts';
import { recordAnswers } from './claims.ts';

test('there are twelve, each with its claim, its place in the paper and its parts', () => {
  const all = paperTakeaways();
  assert.deepEqual(
    all.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  for (const { name, claim, source, parts } of all) {
    assert.match(claim, /\.$/, name);
    assert.match(source, /^Takeaway \d+: (Figure|Table)/, name);
    assert.equal(new Set(parts.map((part) => part.name)).size, parts.length, name);
  }
});

async function askedPaper(home: string, lineage: string): Promise<TakeawayVerdict[]> {
  const { rows } = await runQuery(home, 'SELECT plan FROM latest_lineages WHERE lineage = $lineage', { lineage });
  const plan = String(rows[0]?.[0]);
  const answer = answerOf(await withDatabase(home, 'read', (connection) => gatherPaper(connection, lineage, plan)));
  assert.ok(await keepVerdicts(home, answer));
  return answer.verdicts;
}

test('of what the paper published, all twelve are underpowered: with the effect, and which way it points', async (t) => {
  const home = await temporaryHome(t);
  const imported = await readPublication(publications[0] as Publication);
  await withDatabase(home, 'write', (connection) => recordImport(connection, imported));
  const found = await askedPaper(home, 'published/evolm');
  assert.deepEqual(
    found.map(({ verdict }) => verdict),
    Array(12).fill('underpowered'),
  );
  const parts = new Map<string, PartVerdict>();
  for (const one of found) for (const part of one.parts) parts.set(`${one.number} ${part.name}`, part);
  for (const [name, { effect, seeds, verdict, said }] of parts) {
    assert.ok(effect !== null, name);
    assert.deepEqual([seeds, verdict], [1, 'underpowered'], name);
    assert.match(
      said.join('; '),
      /single runs, (as claimed|against the claim|neither way); a verdict takes 3 seeds/,
      name,
    );
  }
  // By hand from Tables 1 and 2 and from Figures 4, 5, 6 and 8a.
  const effects: Record<string, number> = {
    '2 smaller at the least budget, ID Maj': 0.214 - 0.2,
    '2 larger at the largest budget, ID Maj': 0.348 - 0.225,
    '3 CPT without replay, upstream': (0.499 + 0.485 + 0.481 + 0.477 + 0.493) / 5 - 0.523,
    '3 replay, after SFT': 0.2101 - 0.1927,
    '4 RL without CPT, ID Pass': 0.049 - 0.103,
    '5 what RL adds, ID Maj': 0.225 - 0.142 - (0.014 - 0.015),
    '7 most epochs, OOD Maj': 0.27 - 0.283,
    '10 ID Pass': 0.393 - 0.463,
    '10 ID Correct Ratio': 0.346 - 0.273,
  };
  for (const [name, effect] of Object.entries(effects)) {
    const got = parts.get(name)?.effect ?? Number.NaN;
    assert.ok(Math.abs(got - effect) < 0.0016, `${name}: ${got}, not ${effect}`);
  }
  assert.equal(parts.get('10 ID Pass')?.points, 'for');
  assert.ok((parts.get('12 ORM and ID Maj')?.effect ?? 0) > 0.9);
  const { rows } = await runQuery(
    home,
    "SELECT DISTINCT source, verdict FROM takeaways WHERE lineage = 'published/evolm'",
  );
  assert.deepEqual(rows, [['paper', 'underpowered']]);
});

const own = `lineage: mine
models: {nano: {layers: 2, hidden: 32, heads: 4, ffn: 64, context: 64}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 40K}}
  mid: {cpt: {from: base, tokens: "{cpt}", batch: 512, mix: {math: 1}}}
  tuned: {sft: {from: mid, data: math, examples: 100}}
  bare: {sft: {from: base, data: math, examples: 100}}
axes:
  cpt: [10K, 20K, 30K]
  seed: {replicate: [1, 2, 3]}
evaluate: {each: [tuned, bare], suites: [id], samples: 4}
`;

test('of a lineage of one’s own: what it has is decided, and of the others it is said what they lack', async (t) => {
  const home = await temporaryHome(t);
  const skill = (address: string) =>
    0.2 + 0.2 * ['bare', 'cpt=10K', 'cpt=20K', 'cpt=30K'].findIndex((name) => address.includes(name));
  await recordAnswers(home, await planOfText(own), skill);
  const found = await askedPaper(home, 'mine');
  const fifth = found[4];
  assert.deepEqual(
    fifth?.parts.map(({ name, verdict, seeds, pairs }) => [name, verdict, seeds, pairs]),
    [['ID Maj after SFT', 'supported', 3, 12]],
  );
  assert.equal(fifth?.verdict, 'not asked', 'what RL adds is a part of the claim');
  assert.deepEqual(fifth?.missing, [
    'id Maj@k after RL, of three amounts of CPT',
    'id Maj@k of SFT and of RL after it, of three amounts of CPT',
  ]);
  const [cpt] = found[3]?.parts ?? [];
  assert.deepEqual([cpt?.name, cpt?.verdict, cpt?.points], ['CPT before SFT, ID Maj', 'supported', 'for']);
  assert.deepEqual(found[8]?.parts, []);
  assert.equal(found[8]?.verdict, 'not asked');
  const { rows } = await runQuery(
    home,
    "SELECT number, any_value(verdict), count(*) FILTER (part > 0), any_value(said) FROM takeaways WHERE lineage = 'mine' GROUP BY number ORDER BY number",
  );
  assert.deepEqual(
    rows.map(([number, verdict, parts]) => [number, verdict, parts]),
    found.map(({ number, verdict, parts }) => [number, verdict, parts.length]),
  );
  assert.equal(rows[8]?.[3], found[8]?.missing.join('; '), 'what is lacked is told there, too');
  const unknown = answerOf(await withDatabase(home, 'read', (connection) => gatherPaper(connection, 'yours', 'none')));
  assert.deepEqual(new Set(unknown.verdicts.map(({ verdict }) => verdict)), new Set(['not asked']));
});
