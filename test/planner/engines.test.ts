import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changesBetween } from '../../planner/compare.ts';
import { memoryOf } from '../../planner/memory.ts';
import { kindOfWork } from '../../planner/speed.ts';
import { keysOf, lineage, nodeAt, planningOf, planOfText } from './plans.ts';

const base = (others: string) => `{model: nano, data: web, tokens: 40K${others}}`;
const tuned = (others: string) => `{from: mid, data: math/problems, examples: 100${others}}`;

const reinforced = (others: string) => `{from: tuned, data: math/problems, examples: 64${others}}`;

const evaluated = (how: string) => lineage().replace(/^evaluate: .*$/m, `evaluate: {each: [tuned], ${how}}`);

describe('engine', () => {
  test('is the built-in trainer where nothing is said, and then in no key', async () => {
    const plan = await planOfText(lineage());
    assert.equal((nodeAt(plan, 'base').recipe as { engine?: string }).engine, undefined);
    assert.deepEqual(keysOf(await planOfText(lineage({ base: base(', engine: descent') }))), keysOf(plan));
  });

  test('is part of the key of what it trains and of all that comes of that, and `why` names it', async () => {
    const [before, after] = [
      await planOfText(lineage()),
      await planOfText(lineage({ base: base(', engine: litgpt') })),
    ];
    const [old, now] = [keysOf(before), keysOf(after)];
    for (const address of ['base', 'mid', 'tuned']) assert.notEqual(old[address], now[address]);
    assert.equal(old['tokenizer:words'], now['tokenizer:words']);
    const changes = changesBetween(
      { plan: before, node: nodeAt(before, 'tuned') },
      { plan: after, node: nodeAt(after, 'tuned') },
    );
    assert.deepEqual(changes, [{ address: 'base', field: 'engine', before: 'descent', after: 'litgpt' }]);
    assert.equal(nodeAt(after, 'base').settings.engine, 'litgpt');
  });

  test('may be verl for each of its algorithms, whose stage and what comes of it have other keys', async () => {
    for (const algorithm of ['ppo', 'grpo', 'dr_grpo', 'dapo', 'rloo', 'reinforce_plus_plus']) {
      const [before, after] = [
        await planOfText(lineage({ rl: reinforced(`, algorithm: ${algorithm}`) })),
        await planOfText(lineage({ rl: reinforced(`, algorithm: ${algorithm}, engine: verl`) })),
      ];
      const [old, now] = [keysOf(before), keysOf(after)];
      assert.notEqual(old.rl, now.rl);
      assert.equal(old.tuned, now.tuned);
      const changes = changesBetween(
        { plan: before, node: nodeAt(before, 'rl') },
        { plan: after, node: nodeAt(after, 'rl') },
      );
      assert.deepEqual(changes, [{ address: 'rl', field: 'engine', before: 'descent', after: 'verl' }]);
    }
  });

  test('has a speed of its own, and no memory that Descent could tell', async () => {
    const node = nodeAt(await planOfText(lineage({ base: base(', engine: litgpt, precision: bfloat16') })), 'base');
    assert.equal(kindOfWork(node), 'text in bfloat16 by litgpt');
    assert.equal(memoryOf(node), null);
  });

  test('may be an axis', async () => {
    const text = `${lineage({ base: base(', engine: "{engine}"') })}axes: {engine: [descent, litgpt]}\n`;
    const plan = await planOfText(text);
    assert.notEqual(nodeAt(plan, 'base@engine=descent').key, nodeAt(plan, 'base@engine=litgpt').key);
    assert.equal(nodeAt(plan, 'base@engine=descent').key, keysOf(await planOfText(lineage())).base);
  });

  test('that cannot do what a recipe says is refused, at the option', async () => {
    const cases: [text: string, at: RegExp, says: RegExp][] = [
      [lineage({ base: base(', engine: litgpt, schedule: wsd, warmup: 5K') }), /schedule/, /no `schedule: wsd`/],
      [lineage({ base: base(', engine: litgpt, weightDecayOn: matrices') }), /weightDecayOn/, /decays every parameter/],
      [lineage({ tuned: tuned(', engine: litgpt') }), /engine/, /LitGPT has no stage `sft`/],
      [lineage({ tuned: tuned(', engine: verl') }), /engine/, /verl has no stage `sft`/],
      [
        lineage({ rl: reinforced(', engine: verl, whiten: false') }),
        /whiten/,
        /no `whiten: false`: .*let `whiten` be true with ppo/,
      ],
      [
        lineage({ rl: reinforced(', engine: verl, stopOnCollapse: true') }),
        /stopOnCollapse/,
        /goes on to its last round/,
      ],
      [
        lineage({ rl: reinforced(', engine: verl, batch: 8, miniBatch: 4, warmup: 0.1') }),
        /warmup/,
        /a learning rate for each round/,
      ],
      [
        lineage({
          rl: reinforced(', engine: verl, algorithm: grpo, warmup: 0, responses: 8, batch: 8, miniBatch: 12'),
        }),
        /miniBatch/,
        /mini-batches of whole groups/,
      ],
      [lineage({ rl: reinforced(', engine: trl') }), /engine/, /no `dualClip: 3`: .*let `dualClip` be 0/],
      [
        lineage({ rl: reinforced(', engine: trl, algorithm: dapo') }),
        /engine/,
        /no `dynamicSampling: true`: .*let `dynamicSampling` be false/,
      ],
      [
        lineage({ rl: reinforced(', engine: trl, algorithm: grpo, batch: 8, miniBatch: 48') }),
        /miniBatch/,
        /batch times responses, or what divides that/,
      ],
      [
        lineage({ rl: reinforced(', engine: trl, algorithm: grpo, dualClip: 1.1') }),
        /dualClip/,
        /above 1 \+ clipRatioHigh/,
      ],
      [lineage({ base: base(', engine: litgtp') }), /engine/, /litgtp/],
      [lineage({ base: base(', engine: lm-eval') }), /engine/, /lm-evaluation-harness has no stage `pretrain`/],
      [
        evaluated('suites: [heldout], engine: lm-eval'),
        /suites: \[/,
        /no `suite: heldout`: .*rows.* let `suite` be upstream, id, ood/,
      ],
      [evaluated('suites: [id], engine: trl'), /engine: /, /TRL has no stage `evaluate`.*descent, lm-eval/],
    ];
    for (const [text, at, says] of cases) {
      const planned = await planningOf(text);
      assert.ok(!planned.ok, text);
      const [{ line, column, message, hint } = assert.fail()] = planned.diagnostics;
      assert.match(`${message} ${hint}`, says);
      const written = text.split('\n')[line - 1]?.slice(0, column - 1) ?? '';
      assert.match(written, new RegExp(`${at.source}(: )?$`), message);
    }
  });

  test('that does not know an algorithm is refused for that, and not for what its defaults are', async () => {
    const planned = await planningOf(lineage({ rl: reinforced(', engine: trl, algorithm: reinforce_plus_plus') }));
    assert.ok(!planned.ok);
    assert.equal(planned.diagnostics.length, 1);
    assert.match(String(planned.diagnostics[0]?.hint), /^let `algorithm` be ppo, grpo, dr_grpo, dapo, rloo/);
  });

  test('trl takes four algorithms as they are, and ppo and dapo with one option said', async () => {
    for (const others of ['grpo', 'dr_grpo', 'rloo', 'ppo, dualClip: 0', 'dapo, dynamicSampling: false'])
      await planOfText(lineage({ rl: reinforced(`, engine: trl, algorithm: ${others}`) }));
  });

  test('may be what evaluates, as part of the keys of evaluations alone', async () => {
    const asked = (others: string) => evaluated(`suites: [upstream, id]${others}`);
    const [before, after] = [await planOfText(asked('')), await planOfText(asked(', engine: lm-eval'))];
    const [old, now] = [keysOf(before), keysOf(after)];
    assert.deepEqual(keysOf(await planOfText(asked(', engine: descent'))), old);
    assert.equal(old.tuned, now.tuned);
    for (const suite of ['upstream', 'id']) {
      const address = `tuned/${suite}`;
      const changes = changesBetween(
        { plan: before, node: nodeAt(before, address) },
        { plan: after, node: nodeAt(after, address) },
      );
      assert.deepEqual(changes, [{ address, field: 'evaluate.engine', before: 'descent', after: 'lm-eval' }]);
      assert.notEqual(old[address], now[address]);
      const work = suite === 'id' ? 'problems' : 'cloze';
      assert.deepEqual(
        [before, after].map((plan) => kindOfWork(nodeAt(plan, address))),
        [work, `${work} by lm-eval`],
      );
    }
  });

  test('leaves no checkpoint of a run for a stage to begin with', async () => {
    const text = lineage({ base: base(', engine: litgpt') }).replace(
      'stages:\n',
      'stages:\n  part: {checkpoint: {of: base, at: 20K}}\n',
    );
    const planned = await planningOf(text);
    assert.ok(!planned.ok);
    assert.match(planned.diagnostics.map(({ message }) => message).join(), /`base`.*LitGPT/);
  });

  test('may be a program of one’s own, whose name is in the key and whose schedule is not wsd', async () => {
    const named = (name: string) => planOfText(lineage({ tuned: tuned(`, engine: command/${name}`) }));
    const [mine, other] = [await named('mine'), await named('mine-2')];
    assert.notEqual(keysOf(mine).tuned, keysOf(other).tuned);
    assert.equal(keysOf(mine).mid, keysOf(other).mid);
    assert.equal(kindOfWork(nodeAt(mine, 'tuned')), 'sft by command/mine');
    for (const [text, says] of [
      [lineage({ tuned: tuned(', engine: command/../x') }), /is no name of a program/],
      [lineage({ tuned: tuned(', engine: command/Mine') }), /`command\/Mine` is no name of a program/],
      [lineage({ tuned: tuned(', engine: mine') }), /`mine` is no engine that Descent drives/],
      [lineage({ base: base(', engine: command/mine, schedule: wsd, warmup: 5K') }), /trained by descent alone/],
    ] as const) {
      const planned = await planningOf(text);
      assert.ok(!planned.ok, text);
      assert.match(planned.diagnostics.map(({ message }) => message).join(), says);
    }
  });
});
