import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { drawDot, drawMermaid, drawTree, edgesOf } from '../../planner/graph.ts';
import type { Plan, PlanNode } from '../../planner/plan.ts';
import { restrict, select } from '../../planner/select.ts';
import { smallPlan } from '../fixtures/plans.ts';
import { fixture, lineage, nodeAt, planOf, planOfText } from './plans.ts';

const nothingDone = () => 'run' as const;

/** A plan without some of its nodes. */
function without(plan: Plan, test: (node: PlanNode) => boolean): Plan {
  return { ...plan, nodes: plan.nodes.filter((node) => !test(node)) };
}

describe('a small lineage', async () => {
  // tokenizer:bytes ── base ── mid@replay=0%, = plain
  //                       └── mid@replay=20% ── tuned ── rl
  const plan = await planOfText(
    lineage({
      mid: '{from: base, tokens: 20K, batch: 512, mix: {math: 1, replay: "{replay}"}}',
      tuned: '{from: "mid@replay=20%", data: math/problems, examples: 100}',
      axes: '{replay: [0%, 20%]}',
      evaluate: '{each: [mid, plain], suites: [heldout, id]}',
    }).replace('  rl:', '  plain: {cpt: {from: base, tokens: 20K, batch: 512, mix: {math: 1}}}\n  rl:'),
  );

  test('as a tree: a node below what it learns from, evaluations beside their model, one node of two names', () => {
    assert.equal(
      drawTree(plan),
      `tokenizer:bytes
└─ base
   ├─ mid@replay=0%  [heldout id]
   ├─ mid@replay=20%  [heldout id]
   │  └─ tuned
   │     └─ rl  ← overlap:rl
   └─ plain  [heldout id]  = mid@replay=0%
overlap:rl`,
    );
  });

  test('as a tree of some nodes: what has lost its parent begins a line', () => {
    const part = without(plan, ({ address }) => ['tokenizer:bytes', 'base', 'plain', 'tuned'].includes(address));
    assert.equal(
      drawTree(part),
      'mid@replay=0%  [heldout id heldout id]\nmid@replay=20%  [heldout id]\noverlap:rl\nrl  ← overlap:rl',
    );
    const suites = select(plan, ['plain/*'], () => 'waiting');
    assert.ok(suites.ok);
    assert.equal(drawTree({ ...plan, nodes: suites.nodes }), 'plain/heldout\nplain/id');
    assert.equal(drawTree({ ...plan, nodes: [] }), '');
  });

  test('as a tree in colours: every name of a node is painted as that node', () => {
    const painted = drawTree(plan, (text, { address }) => `<${text} of ${address}>`);
    assert.deepEqual(painted.split('\n').slice(0, 3), [
      '<tokenizer:bytes of tokenizer:bytes>',
      '└─ <base of base>',
      '   ├─ <mid@replay=0% of mid@replay=0%>  [<heldout of mid@replay=0%/heldout> <id of mid@replay=0%/id>]',
    ]);
  });

  const part = restrict(plan, [nodeAt(plan, 'plain/id'), nodeAt(plan, 'mid@replay=0%')]);
  const verdictOf = ({ type }: PlanNode) =>
    type === 'evaluate' ? 'run' : type === 'cpt' ? ('resume' as const) : ('reuse' as const);

  test('for Mermaid', () => {
    assert.equal(
      drawMermaid(part, verdictOf),
      `flowchart TD
  n0{{"tokenizer:bytes"}}:::reuse
  n1["base"]:::reuse
  n2["mid@replay=0%"]:::resume
  n3["plain"]:::resume
  n4(["plain/id"]):::run
  n0 -.-> n1
  n1 --> n2
  n1 --> n3
  n3 --> n4
  n2 -. same .- n3
  classDef reuse fill:#eaeef2,stroke:#8c959f,color:#1f2328
  classDef resume fill:#fff8c5,stroke:#bf8700,color:#1f2328
  classDef run fill:#dafbe1,stroke:#2da44e,color:#1f2328`,
    );
  });

  test('for Graphviz', () => {
    assert.equal(
      drawDot(part, verdictOf),
      `digraph "small" {
  node [style=filled, fontname="Helvetica", fontcolor="#1f2328"];
  n0 [label="tokenizer:bytes", shape=hexagon, class=reuse, fillcolor="#eaeef2", color="#8c959f"];
  n1 [label="base", shape=box, class=reuse, fillcolor="#eaeef2", color="#8c959f"];
  n2 [label="mid@replay=0%", shape=box, class=resume, fillcolor="#fff8c5", color="#bf8700"];
  n3 [label="plain", shape=box, class=resume, fillcolor="#fff8c5", color="#bf8700"];
  n4 [label="plain/id", shape=ellipse, class=run, fillcolor="#dafbe1", color="#2da44e"];
  n0 -> n1 [style=dashed];
  n1 -> n2;
  n1 -> n3;
  n3 -> n4;
  n2 -> n3 [dir=none, style=dotted, label="same", constraint=false];
}`,
    );
  });
});

test('data sets of files stand behind an arrow at what needs them', async () => {
  const plan = await planOf(fixture('everything.yaml'));
  const found = select(plan, ['+taught@tokens=20K,again=1', 'taught@tokens=20K,again=1/id'], () => 'waiting');
  assert.ok(found.ok);
  const part = { ...plan, nodes: found.nodes };
  assert.equal(
    drawTree(part),
    `data:mill
data:asked
tokenizer:words  ← data:mill
└─ base@model=small,tokens=20K,again=1  ← data:mill
   └─ plain@tokens=20K,again=1
      └─ taught@tokens=20K,again=1  [id]  ← data:asked overlap:taught
overlap:taught  ← data:asked`,
  );
  assert.match(drawMermaid(part, nothingDone), /n0\[\("data:mill"\)\]:::run\n/);
  assert.match(drawDot(part, nothingDone), /n0 \[label="data:mill", shape=cylinder, /);
});

test('what an address may hold and a drawing gives a meaning to is escaped', () => {
  const plan = smallPlan('a"b\\', [{ address: 's@x=a"b\\c#1;<i>&`d`' }]);
  assert.match(drawMermaid(plan, nothingDone), /n0\["s@x=a#34;b#92;c#35;1#59;#60;i#62;#38;#96;d#96;"\]:::run/);
  assert.match(drawDot(plan, nothingDone), /^digraph "a\\"b\\\\" \{\n/);
  assert.match(drawDot(plan, nothingDone), /n0 \[label="s@x=a\\"b\\\\c#1;<i>&`d`", /);
});

describe('random plans', () => {
  const plans = fc
    .array(
      fc.record({
        parents: fc.array(fc.nat(), { maxLength: 3 }),
        evaluated: fc.boolean(),
        shown: fc.integer({ min: 0, max: 4 }),
      }),
      { minLength: 1, maxLength: 30 },
    )
    .map((drawn) => {
      const whole = smallPlan(
        'random',
        drawn.flatMap(({ parents, evaluated }, index) => {
          const needs = [...new Set(index === 0 ? [] : parents.map((parent) => `s${parent % index}`))];
          const type = needs.length === 0 ? ('pretrain' as const) : ('cpt' as const);
          return [
            { address: `s${index}`, type, needs },
            ...(evaluated ? [{ address: `s${index}/heldout`, type: 'evaluate' as const, needs: [`s${index}`] }] : []),
          ];
        }),
      );
      return without(whole, ({ address }) => drawn[Number(/\d+/.exec(address)?.[0])]?.shown === 0);
    });

  test('have every node in each drawing once, and every need', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const keys = new Set(plan.nodes.map(({ key }) => key));
        const needs = plan.nodes.flatMap((node) =>
          Object.entries(node.parents).flatMap(([role, key]) => (keys.has(key) ? [`${key} ${role} ${node.key}`] : [])),
        );
        const edges = edgesOf(plan);
        assert.deepEqual(
          edges.map(({ from, role, to }) => `${from.key} ${role} ${to.key}`),
          needs,
        );
        const tree = drawTree(plan);
        const models = new Set(plan.nodes.map(({ address }) => address));
        for (const { type, address } of plan.nodes) {
          const [model = '', suite] = address.split('/');
          const name = suite !== undefined && models.has(model) ? `${model}  [${suite}]` : address;
          const lines = tree.split('\n').filter((line) => `${line.replace(/^[│ ├└─]*/, '')}  `.startsWith(`${name}  `));
          assert.equal(lines.length, 1, `${type} ${name} in\n${tree}`);
        }
        const mermaid = drawMermaid(plan, nothingDone).split('\n');
        assert.equal(mermaid.filter((line) => line.includes(':::')).length, plan.nodes.length);
        assert.equal(mermaid.filter((line) => line.includes('->')).length, edges.length);
        const dot = drawDot(plan, nothingDone).split('\n');
        assert.equal(dot.filter((line) => line.includes('[label=')).length, plan.nodes.length);
        assert.equal(dot.filter((line) => line.includes(' -> ')).length, edges.length);
        assert.equal(drawTree(structuredClone(plan)), tree, 'the same plan gives the same tree');
      }),
      { seed: 41, numRuns: 200 },
    );
  });

  test('10,000 nodes, and a chain of 3,000, are drawn whole', () => {
    const wide = smallPlan('wide', [
      { address: 'base' },
      ...Array.from({ length: 5000 }, (_, seed) => [
        { address: `mid@seed=${seed}`, type: 'cpt' as const, needs: ['base'], seed },
        { address: `mid@seed=${seed}/heldout`, type: 'evaluate' as const, needs: [`mid@seed=${seed}`] },
      ]).flat(),
    ]);
    assert.equal(drawTree(wide).split('\n').length, 5001);
    assert.equal(drawMermaid(wide, nothingDone).split('\n').length, 1 + 10_001 + 10_000 + 3);
    assert.equal(drawDot(wide, nothingDone).split('\n').length, 2 + 10_001 + 10_000 + 1);
    const deep = Array.from({ length: 3000 }, (_, index) => ({
      address: `s${index}`,
      type: index === 0 ? ('pretrain' as const) : ('cpt' as const),
      needs: index === 0 ? [] : [`s${index - 1}`],
    }));
    assert.equal(drawTree(smallPlan('deep', deep)).split('\n').length, 3000);
  });
});
