import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Key, Plan, PlanNode } from '../../planner/plan.ts';
import { asksForStates, type RestState, restrict, select } from '../../planner/select.ts';
import { formatProblem, parseSelector } from '../../planner/selector.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { fixture, lineage, nodeAt, planOf, planOfText } from './plans.ts';

const waiting = (): RestState => 'waiting';

function selected(plan: Plan, selectors: string[], stateOf: (node: PlanNode) => RestState = waiting): string[] {
  const found = select(plan, selectors, stateOf);
  if (!found.ok) assert.fail(found.problems.map(formatProblem).join('\n'));
  return found.nodes.map(({ address }) => address);
}

function problem(plan: Plan, selectors: string[], stateOf: (node: PlanNode) => RestState = waiting): string {
  const found = select(plan, selectors, stateOf);
  if (found.ok) assert.fail(`it names ${found.nodes.map(({ address }) => address)}`);
  return found.problems.map(formatProblem).join('\n');
}

describe('a selector', async () => {
  // tokenizer:bytes ── base ── mid@replay ── tuned@replay,lr ── rl@replay,lr      all but `own` by seed
  //                                 └─ own (of mid@replay=20%,seed=2, with the seed 9)
  const plan = await planOfText(
    lineage({
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
      tuned: '{from: "mid@replay=20%", data: math/problems, examples: 100, lr: "{lr}"}',
      axes: '{replay: [0%, 20%], lr: [1e-5, 3e-5], seed: {replicate: [1, 2]}}',
      evaluate: '{each: [mid, own], suites: [id, ood]}',
    }).replace('  rl:', '  own: {sft: {from: "mid@replay=20%,seed=2", data: math, examples: 50, seed: 9}}\n  rl:'),
  );
  const names = (selector: string, expected: string[]) =>
    test(selector, () => assert.deepEqual(selected(plan, [selector]), expected));

  describe('by address', () => {
    names('base', ['base@seed=1', 'base@seed=2']);
    names('mid@replay=20%,seed=2', ['mid@replay=20%,seed=2']);
    names('mid@seed=2,replay=20%', ['mid@replay=20%,seed=2']);
    names('mid@seed=2', ['mid@replay=0%,seed=2', 'mid@replay=20%,seed=2']);
    names('own', ['own']);
    names('mid/id', [
      'mid@replay=0%,seed=1/id',
      'mid@replay=0%,seed=2/id',
      'mid@replay=20%,seed=1/id',
      'mid@replay=20%,seed=2/id',
    ]);
    names('mid@seed=2/id', ['mid@replay=0%,seed=2/id', 'mid@replay=20%,seed=2/id']);
    names('mid@replay=0%,seed=2/ood', ['mid@replay=0%,seed=2/ood']);
    names(' mid@replay=0% , seed=2 / ood ', ['mid@replay=0%,seed=2/ood']);
    names('tokenizer:bytes', ['tokenizer:bytes']);
  });

  describe('by address with *', () => {
    names('*@seed=1,replay=0%', ['mid@replay=0%,seed=1']);
    names('b*', ['base@seed=1', 'base@seed=2']);
    names('tuned@lr=3*,seed=1', ['tuned@lr=3e-5,seed=1']);
    names('*d@replay=2*,seed=1/*', ['mid@replay=20%,seed=1/id', 'mid@replay=20%,seed=1/ood']);
    names('own/*d', ['own/id', 'own/ood']);
    names('tokenizer:*', ['tokenizer:bytes']);
    test('* alone is every model, */* every evaluation', () => {
      const models = plan.nodes.filter(({ type }) => !['tokenizer', 'overlap', 'evaluate'].includes(type));
      assert.deepEqual(
        selected(plan, ['*']),
        models.map(({ address }) => address),
      );
      assert.deepEqual(selected(plan, ['*/*']), selected(plan, ['type:evaluate']));
    });
  });

  describe('by property', () => {
    names('stage:own', ['own', 'own/id', 'own/ood']);
    names('type:pretrain', ['base@seed=1', 'base@seed=2']);
    names('type:sft,seed:1', ['tuned@lr=1e-5,seed=1', 'tuned@lr=3e-5,seed=1']);
    names('lr:1e-5', ['tuned@lr=1e-5,seed=1', 'tuned@lr=1e-5,seed=2', 'rl@lr=1e-5,seed=1', 'rl@lr=1e-5,seed=2']);
    names('seed:9', ['own', 'own/id', 'own/ood']);
    names('replay:0%,seed:1', ['mid@replay=0%,seed=1', 'mid@replay=0%,seed=1/id', 'mid@replay=0%,seed=1/ood']);
    test('key:, by its beginning', () => {
      const { key, address } = nodeAt(plan, 'mid@replay=20%,seed=2');
      assert.deepEqual(selected(plan, [`key:${key.slice(0, 10)}`]), [address]);
      assert.deepEqual(selected(plan, [`key:${key}`]), [address]);
    });
    test('state:, of which nothing else asks', () => {
      const stateOf = ({ address }: PlanNode): RestState => (address.startsWith('rl') ? 'failed' : 'done');
      assert.deepEqual(selected(plan, ['state:failed'], stateOf), selected(plan, ['rl']));
      assert.equal(asksForStates(['rl', 'seed:1,+state:failed']), true);
      assert.equal(asksForStates(['rl', 'key:abcd', 'sta:te', '+']), false);
      const asked = () => assert.fail('it asked for a state');
      assert.equal(selected(plan, ['+rl', 'seed:2,*/id'], asked).length > 0, true);
    });
    test('seed: is the axis of seeds, whatever it is called, else the seed that a model has', async () => {
      const again = await planOfText(lineage({ axes: '{again: {replicate: [7, 8]}}' }));
      assert.deepEqual(selected(again, ['seed:8']), selected(again, ['again:8']));
      const unvaried = await planOfText(lineage());
      assert.deepEqual(selected(unvaried, ['seed:0']), selected(unvaried, ['*', '*/*']));
    });
    test('an axis with the name of a property is meant after @', async () => {
      const typed = await planOfText(
        lineage({
          axes: '{type: [1e-3, 2e-3]}',
          base: '{model: nano, data: web, tokens: 40K, lr: "{type}"}',
        }),
      );
      assert.deepEqual(selected(typed, ['base@type=1e-3']), ['base@type=1e-3']);
      assert.deepEqual(selected(typed, ['type:pretrain']), ['base@type=1e-3', 'base@type=2e-3']);
    });
  });

  describe('by what a value means', () => {
    names('mid@replay=20.0%,seed=1', ['mid@replay=20%,seed=1']);
    names('tuned@lr=0.00001,seed=1', ['tuned@lr=1e-5,seed=1']);
    names('replay:20.00%,seed:2.0,type:cpt', ['mid@replay=20%,seed=2']);
    test('the + of a number is no operator', async () => {
      const large = await planOfText(
        lineage({
          axes: '{tokens: [1e+5, 2e+5]}',
          base: '{model: nano, data: web, tokens: "{tokens}"}',
        }),
      );
      assert.deepEqual(selected(large, ['base@tokens=1e+5']), ['base@tokens=1e+5']);
      assert.deepEqual(selected(large, ['base@tokens=100K']), ['base@tokens=1e+5']);
      assert.deepEqual(selected(large, ['tokens:2e+5+,type:pretrain']), ['base@tokens=2e+5']);
      assert.deepEqual(selected(large, ['base@tokens=1e+5+1']), ['base@tokens=1e+5', 'mid@tokens=1e+5']);
    });
  });

  describe('with what it needs and what needs it', () => {
    names('+mid@replay=0%,seed=2', ['tokenizer:bytes', 'base@seed=2', 'mid@replay=0%,seed=2']);
    names('1+mid@replay=0%,seed=2', ['base@seed=2', 'mid@replay=0%,seed=2']);
    names('0+own', ['own']);
    names('own+', ['own', 'own/id', 'own/ood']);
    names('mid@replay=20%,seed=2+1', [
      'mid@replay=20%,seed=2',
      'mid@replay=20%,seed=2/id',
      'mid@replay=20%,seed=2/ood',
      'tuned@lr=1e-5,seed=2',
      'tuned@lr=3e-5,seed=2',
      'own',
    ]);
    names('1+own/id+', ['own', 'own/id']);
    names(' +own+1 ', [
      'tokenizer:bytes',
      'base@seed=2',
      'mid@replay=20%,seed=2',
      'overlap:own',
      'own',
      'own/id',
      'own/ood',
    ]);
    names('overlap:own', ['overlap:own']);
    names('overlap:*+1,stage:rl', ['rl@lr=1e-5,seed=1', 'rl@lr=1e-5,seed=2', 'rl@lr=3e-5,seed=1', 'rl@lr=3e-5,seed=2']);
    names('+rl@lr=1e-5,type:cpt', ['mid@replay=20%,seed=1', 'mid@replay=20%,seed=2']);
    names('2+stage:rl,seed:1,1+rl', [
      'tuned@lr=1e-5,seed=1',
      'tuned@lr=3e-5,seed=1',
      'rl@lr=1e-5,seed=1',
      'rl@lr=3e-5,seed=1',
    ]);
  });

  test('several are what any of them names, in the order of the plan', () => {
    assert.deepEqual(selected(plan, ['own', 'base@seed=2', 'own']), ['base@seed=2', 'own']);
    assert.deepEqual(selected(plan, []), []);
  });

  const wrong: [selector: string, expected: string][] = [
    [
      '+bse@seed=2',
      'there is no stage `bse`\n    +bse@seed=2\n     ^^^\n  expected: base, mid, tuned, own, rl\n  hint: did you mean `base`?',
    ],
    [
      'stage:sft',
      'there is no stage `sft`\n    stage:sft\n          ^^^\n  expected: base, mid, tuned, own, rl\n  hint: the nodes of that type are `type:sft`',
    ],
    [
      'failed',
      'there is no stage `failed`\n    failed\n    ^^^^^^\n  expected: base, mid, tuned, own, rl\n  hint: the nodes in that state are `state:failed`',
    ],
    [
      'mid rl',
      'there is no stage `mid rl`\n    mid rl\n    ^^^^^^\n  expected: base, mid, tuned, own, rl\n  hint: several selectors are given one by one, not in one text',
    ],
    [
      'stage:mid@seed=2',
      'there is no stage `mid@seed=2`\n    stage:mid@seed=2\n          ^^^^^^^^^^\n  expected: base, mid, tuned, own, rl\n  hint: an address stands alone: `mid@seed=2`',
    ],
    [
      'seed:1,2',
      'there is no stage `2`\n    seed:1,2\n           ^\n  expected: base, mid, tuned, own, rl\n  hint: for several values of one axis, give several selectors',
    ],
    [
      'mid@reply=20%',
      'there is no axis `reply`\n    mid@reply=20%\n        ^^^^^\n  expected: replay, seed\n  hint: did you mean `replay`?',
    ],
    ['mid@lr=1e-5', '`mid` does not vary over `lr`\n    mid@lr=1e-5\n        ^^\n  expected: replay, seed'],
    [
      'own@seed=2',
      '`own` does not vary over `seed`\n    own@seed=2\n        ^^^^\n  hint: `own` has one variant: leave out the part after @',
    ],
    [
      'mid@replay=5%,seed=1',
      'no node has the value `5%` of `replay`\n    mid@replay=5%,seed=1\n               ^^\n  expected: 0%, 20%',
    ],
    [
      'seed:1,lr:2e-5+',
      'no node has the value `2e-5` of `lr`\n    seed:1,lr:2e-5+\n              ^^^^\n  expected: 1e-5, 3e-5',
    ],
    [
      'mid@seed=1/oood',
      '`mid` has no evaluation `oood`\n    mid@seed=1/oood\n               ^^^^\n  expected: id, ood\n  hint: did you mean `ood`?',
    ],
    ['rl/id', '`rl` is not evaluated\n    rl/id\n    ^^\n  expected: mid, own'],
    ['*@replay=0%,lr=1e-5', 'no node has all of these values\n    *@replay=0%,lr=1e-5\n    ^'],
    [
      'type:tunedd',
      'no node is of the type `tunedd`\n    type:tunedd\n         ^^^^^^\n  expected: tokenizer, pretrain, cpt, evaluate, sft, overlap, rl',
    ],
    [
      'state:faild',
      'there is no state `faild`\n    state:faild\n          ^^^^^\n  expected: done, failed, blocked, interrupted, waiting\n  hint: did you mean `failed`?',
    ],
    [
      'state:running',
      'there is no state `running`\n    state:running\n          ^^^^^^^\n  expected: done, failed, blocked, interrupted, waiting\n  hint: `descent status` says what runs',
    ],
    ['state:done', 'no node is done: 28 waiting\n    state:done\n          ^^^^'],
    ['key:a41', 'the beginning of a key is 4 to 64 digits of 0-9 and a-f\n    key:a41\n        ^^^'],
    ['key:00000000', 'no key begins with `00000000`\n    key:00000000\n        ^^^^^^^^'],
    [
      'tokenizer:byte',
      'there is no tokenizer `byte`\n    tokenizer:byte\n              ^^^^\n  expected: bytes\n  hint: did you mean `bytes`?',
    ],
    ['data:web', 'there is no data set of files `web`\n    data:web\n         ^^^'],
    [
      'replays:0%',
      'there is no property or axis `replays`\n    replays:0%\n    ^^^^^^^\n  expected: stage, type, seed, state, key, tokenizer, overlap, data, replay, lr\n  hint: did you mean `replay`?',
    ],
    [
      'stage:mid , tuned',
      '`stage:mid` names 12 nodes and `tuned` 4 nodes, but none is in both\n    stage:mid , tuned\n                ^^^^^\n  hint: a comma asks for what is in both; for what is in either, give two selectors',
    ],
  ];
  for (const [selector, expected] of wrong) {
    test(`${selector}: names nothing, and says which part`, () => assert.equal(problem(plan, [selector]), expected));
  }

  test('every selector that names nothing is told', () => {
    assert.equal(
      problem(plan, ['midd', 'rl', '+']),
      [
        'there is no stage `midd`\n    midd\n    ^^^^\n  expected: base, mid, tuned, own, rl\n  hint: did you mean `mid`?',
        '`+` stands beside what it goes out from\n    +\n    ^\n  hint: for example `+rl` or `rl+`',
      ].join('\n'),
    );
  });

  test('names evaluations of what is evaluated only, in a plan without any', async () => {
    const minimal = await planOf(fixture('minimal.yaml'));
    assert.equal(problem(minimal, ['base/id']), '`base` is not evaluated\n    base/id\n    ^^^^');
  });

  test('one node under two addresses: each is named by its own, both have the same relatives', async () => {
    const twins = await planOfText(
      lineage({
        mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
        axes: '{replay: [0%, 20%]}',
        evaluate: '{each: [tuned], suites: [id]}',
      }).replace('  tuned:', '  plain: {cpt: {from: base, tokens: 20K, batch: 512, mix: {math: 1}}}\n  tuned:'),
    );
    assert.equal(nodeAt(twins, 'plain').key, nodeAt(twins, 'mid@replay=0%').key);
    assert.deepEqual(selected(twins, ['plain']), ['plain']);
    assert.deepEqual(selected(twins, ['plain+1']), ['plain', 'tuned@replay=0%']);
    assert.deepEqual(selected(twins, ['1+tuned@replay=0%']), [
      'mid@replay=0%',
      'plain',
      'overlap:tuned',
      'tuned@replay=0%',
    ]);
  });
});

describe('what is no selector is told with its place', () => {
  const malformed: [selector: string, expected: string][] = [
    ['', 'this selector is empty\n    \n    ^\n  hint: name a stage, for example `rl`'],
    ['+', '`+` stands beside what it goes out from\n    +\n    ^\n  hint: for example `+rl` or `rl+`'],
    ['2+', '`+` stands beside what it goes out from\n    2+\n    ^^\n  hint: for example `+rl` or `rl+`'],
    ['++', '`+` stands beside what it goes out from\n    ++\n    ^^\n  hint: for example `+rl` or `rl+`'],
    [
      'rl,++mid',
      '`+` stands once on each side\n    rl,++mid\n       ^^^^^\n  hint: a number says how many generations: `2+rl`, `rl+1`',
    ],
    [
      'mid+2+',
      '`+` stands once on each side\n    mid+2+\n    ^^^^^^\n  hint: a number says how many generations: `2+rl`, `rl+1`',
    ],
    ['rl,,mid', 'a comma stands between two terms, and here is none\n    rl,,mid\n       ^'],
    ['rl,', 'a comma stands between two terms, and here is none\n    rl,\n       ^'],
    [
      'rl,seed=2',
      'the value of an axis belongs to a stage\n    rl,seed=2\n       ^^^^^^\n  hint: of every stage: `*@seed=2` or `seed:2`; of one: `rl@seed=2`',
    ],
    ['@seed=2', 'an address begins with a stage\n    @seed=2\n    ^^^^^^^\n  hint: of every stage: `*@seed=2`'],
    ['/id', 'an address begins with a stage\n    /id\n    ^^^\n  hint: of every stage: `*/id`'],
    ['rl@', 'after `@` stand values of axes: axis=value\n    rl@\n      ^\n  hint: `rl` alone is all of its variants'],
    [
      'rl@*',
      'after `@` stand values of axes: axis=value\n    rl@*\n       ^\n  hint: `rl` alone is all of its variants',
    ],
    ['rl@=2', 'nothing stands before the `=`\n    rl@=2\n       ^^\n  hint: for example `rl@seed=2`'],
    ['rl@seed=', '`seed` needs a value\n    rl@seed=\n       ^^^^^\n  hint: any of them: `seed=*`'],
    ['rl@seed==2', 'axis=value has one `=`\n    rl@seed==2\n       ^^^^^^^'],
    [
      'rl@seed=1,seed=2',
      '`seed` stands here twice\n    rl@seed=1,seed=2\n              ^^^^^^\n  hint: a node has one value of each axis; for several, give several selectors',
    ],
    ['rl@lr=1+,seed=2', '`+` stands at the end of the whole address\n    rl@lr=1+,seed=2\n       ^^^^^'],
    ['rl@a=1@b=2', 'an address has one `@`\n    rl@a=1@b=2\n    ^^^^^^^^^^\n  hint: as in `rl@lr=1e-5,seed=2`'],
    ['rl/id/x', 'an address has one `/`\n    rl/id/x\n    ^^^^^^^\n  hint: an evaluation is `rl@seed=2/id`'],
    ['rl/', 'nothing stands after the `/`\n    rl/\n    ^^^\n  hint: every evaluation: `rl/*`'],
    [
      'rl@lr=1/id,seed=2',
      'the suite ends an address\n    rl@lr=1/id,seed=2\n            ^^^^^^^^^\n  hint: axes come before it, as in `rl@seed=2/id`',
    ],
    [':rl', 'nothing stands before the `:`\n    :rl\n    ^^^\n  hint: for example `stage:rl`'],
    ['state:', '`state:` needs a value\n    state:\n    ^^^^^^\n  hint: for example `state:failed`'],
    ['r\u001b[2J', 'a selector has no control characters\n    r\ufffd[2J\n     ^'],
  ];
  for (const [selector, expected] of malformed) {
    test(JSON.stringify(selector), () => {
      const parsed = parseSelector(selector);
      assert.ok(!parsed.ok);
      assert.equal(formatProblem(parsed.problem), expected);
    });
  }

  test('any text at all is read, or has a problem within it', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'rl',
        'mid',
        '+',
        ',',
        '@',
        '=',
        '/',
        ':',
        '*',
        ' ',
        '2',
        'seed',
        'e+5',
        '1',
        '%',
        '\n',
        'é',
        '𝟙',
      ),
      fc.string({ maxLength: 3 }),
    );
    const plan = smallPlan('any', [
      { address: 'mid@seed=1' },
      { address: 'rl@seed=1', type: 'cpt', needs: ['mid@seed=1'] },
    ]);
    let read = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        const found = select(plan, [text], waiting);
        if (found.ok) {
          read += 1;
          assert.ok(found.nodes.length > 0, 'what names nothing is a problem');
          return;
        }
        for (const problem of found.problems) {
          assert.ok(problem.start >= 0 && problem.length >= 1 && problem.start <= text.length);
          assert.ok(problem.start + problem.length <= Math.max(1, text.length + 1));
          assert.doesNotMatch(formatProblem(problem), /(?!\n)\p{Cc}/u);
        }
      }),
      { seed: 31, numRuns: 1500 },
    );
    assert.ok(read > 20, `${read} were read`);
  });
});

describe('laws, on random plans', () => {
  /** Nodes with up to three parents among those before them, some of them evaluated. */
  const plans = fc
    .array(
      fc.record({
        parents: fc.array(fc.nat(), { maxLength: 3 }),
        seed: fc.integer({ min: 1, max: 3 }),
        evaluated: fc.boolean(),
      }),
      { minLength: 1, maxLength: 25 },
    )
    .map((drawn) => {
      const addresses = drawn.map(({ seed }, index) => `s${index}@seed=${seed}`);
      return smallPlan(
        'random',
        drawn.flatMap(({ parents, evaluated, seed }, index) => {
          const address = addresses[index] as string;
          const needs = [...new Set(index === 0 ? [] : parents.map((parent) => addresses[parent % index] as string))];
          const type = needs.length === 0 ? ('pretrain' as const) : ('cpt' as const);
          return [
            { address, type, needs, seed },
            ...(evaluated ? [{ address: `${address}/heldout`, type: 'evaluate' as const, needs: [address] }] : []),
          ];
        }),
      );
    });
  /** A selector that names something of a plan: picked by numbers. */
  const choice = fc.record({
    node: fc.nat(),
    form: fc.nat(),
    before: fc.constantFrom('', '+', '1+', '2+'),
    after: fc.constantFrom('', '+', '+1', '+2'),
  });
  type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never;
  const pickOf = (plan: Plan, { node, form }: Choice): string => {
    const { address, key, type, stage } = plan.nodes[node % plan.nodes.length] as PlanNode;
    const forms = [
      address,
      `key:${key.slice(0, 8)}`,
      `type:${type}`,
      `stage:${stage}`,
      `${address.slice(0, 2)}*`,
      'seed:1',
    ];
    const text = forms[form % forms.length] as string;
    return select(plan, [text], waiting).ok ? text : address;
  };
  const selectorOf = (plan: Plan, one: Choice): string => `${one.before}${pickOf(plan, one)}${one.after}`;
  const setOf = (plan: Plan, selectors: string[]): Set<string> => new Set(selected(plan, selectors));
  const inPlan = (plan: Plan, addresses: ReadonlySet<string>): string[] =>
    plan.nodes.map(({ address }) => address).filter((address) => addresses.has(address));

  test('several are the union, in any order; a comma is the intersection', () => {
    fc.assert(
      fc.property(plans, choice, choice, (plan, first, second) => {
        const [a, b] = [selectorOf(plan, first), selectorOf(plan, second)];
        const [inA, inB] = [setOf(plan, [a]), setOf(plan, [b])];
        assert.deepEqual(selected(plan, [a, b]), inPlan(plan, new Set([...inA, ...inB])));
        assert.deepEqual(selected(plan, [a, b]), selected(plan, [b, a, b]));
        const both = inPlan(plan, new Set([...inA].filter((address) => inB.has(address))));
        const found = select(plan, [`${a},${b}`], waiting);
        assert.deepEqual(found.ok ? found.nodes.map(({ address }) => address) : [], both);
      }),
      { seed: 32, numRuns: 300 },
    );
  });

  test('+x+ is x, all it needs and all that needs it; fewer generations are fewer', () => {
    fc.assert(
      fc.property(plans, choice, (plan, one) => {
        const x = pickOf(plan, one);
        const chosen = setOf(plan, [x]);
        const before = closure(plan, chosen, (node) => node.parents);
        const after = closure(plan, chosen, (node) => childrenOf(plan, node));
        assert.deepEqual(selected(plan, [`+${x}`]), inPlan(plan, before));
        assert.deepEqual(selected(plan, [`${x}+`]), inPlan(plan, after));
        assert.deepEqual(selected(plan, [`+${x}+`]), inPlan(plan, new Set([...before, ...after])));
        let within = chosen;
        for (const count of [0, 1, 2, 3]) {
          const [near, far] = [setOf(plan, [`${count}+${x}`]), setOf(plan, [`${x}+${count}`])];
          assert.ok([...within].every((address) => near.has(address)));
          assert.ok(
            [...near].every((address) => before.has(address)) && [...far].every((address) => after.has(address)),
          );
          within = near;
        }
        assert.deepEqual(selected(plan, [`99+${x}+99`]), selected(plan, [`+${x}+`]));
      }),
      { seed: 33, numRuns: 300 },
    );
  });

  test('a restricted plan has what was chosen, is closed under parents, and nothing can be taken from it', () => {
    fc.assert(
      fc.property(plans, choice, (plan, one) => {
        const found = select(plan, [selectorOf(plan, one)], waiting);
        assert.ok(found.ok);
        const part = restrict(plan, found.nodes);
        const kept = new Set<Key>();
        for (const node of part.nodes) {
          for (const key of Object.values(node.parents)) assert.ok(kept.has(key), 'parents first');
          kept.add(node.key);
        }
        assert.ok(found.nodes.every((node) => part.nodes.includes(node)));
        const needed = closure(plan, new Set(found.nodes.map(({ address }) => address)), (node) => node.parents);
        assert.deepEqual(
          part.nodes.map(({ address }) => address),
          inPlan(plan, needed),
        );
        assert.deepEqual(restrict(part, found.nodes), part);
        assert.deepEqual({ ...part, nodes: [] }, { ...plan, nodes: [] });
      }),
      { seed: 34, numRuns: 300 },
    );
    const whole = smallPlan('whole', [{ address: 'a' }, { address: 'b', type: 'cpt', needs: ['a'] }]);
    assert.deepEqual(restrict(whole, whole.nodes), whole);
  });

  /** What can be reached, by walking from each node. */
  function closure(plan: Plan, from: ReadonlySet<string>, next: (node: PlanNode) => Record<string, Key>): Set<string> {
    const reached = new Set(from);
    const walk = (address: string): void => {
      const keys = Object.values(next(nodeAt(plan, address)));
      for (const other of plan.nodes.filter(({ key }) => keys.includes(key))) {
        if (reached.has(other.address)) continue;
        reached.add(other.address);
        walk(other.address);
      }
    };
    for (const address of from) walk(address);
    return reached;
  }

  function childrenOf(plan: Plan, { key }: PlanNode): Record<string, Key> {
    const children = plan.nodes.filter(({ parents }) => Object.values(parents).includes(key));
    return Object.fromEntries(children.map((child) => [child.address, child.key]));
  }
});

test('a chain of 10,000 nodes is walked from end to end', () => {
  const nodes = Array.from({ length: 10_000 }, (_, index) => ({
    address: `s${index}`,
    type: index === 0 ? ('pretrain' as const) : ('cpt' as const),
    needs: index === 0 ? [] : [`s${index - 1}`],
  }));
  const plan = smallPlan('chain', nodes);
  assert.equal(selected(plan, ['+s9999']).length, 10_000);
  assert.equal(selected(plan, ['s0+,+s5000']).length, 5001);
  assert.equal(selected(plan, ['3+s50*']).length > 100, true);
  assert.equal(restrict(plan, [nodeAt(plan, 's9999')]).nodes.length, 10_000);
});
