import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultTesting } from '../../planner/claims.ts';
import { defaults } from '../../planner/defaults.ts';
import { lineageSchema } from '../../schemas/validate.ts';

// The schema's descriptions are what people and editors read; planner/defaults.ts is what happens. They must agree.
describe('the schema says each default as it is', () => {
  const { schema } = lineageSchema();
  const said = (definition: string, field: string): string | undefined => {
    const description =
      schema.$defs?.[definition]?.properties?.[field]?.description ??
      (field === 'betas' ? schema.$defs?.betas?.description : undefined);
    return /Default: ([^,.;]*(?:\.[0-9]+)?(?:, [0-9.]+\])?)/.exec(description ?? '')?.[1]?.trim();
  };
  const spelled = (value: unknown): string[] => {
    if (Array.isArray(value)) return [`[${value.join(', ')}]`];
    if (typeof value !== 'number') return [String(value)];
    return [
      String(value),
      `${value * 100}%`,
      value.toExponential().replace('e+', 'e'),
      value >= 1e6 ? `${value / 1e6}M` : `${value / 1e3}K`,
    ];
  };
  const tables: [definition: string, table: object, renamed: Record<string, string>][] = [
    ['pretrain', defaults.pretrain, { batchSequences: '' }],
    ['cpt', defaults.cpt, { batchSequences: '' }],
    ['sft', defaults.sft, {}],
    ['dpo', defaults.dpo, {}],
    ['reward', defaults.reward, {}],
    ['generate', defaults.generate, {}],
    ['build', { order: defaults.build.order }, {}],
    ['takeaway', defaultTesting, {}],
    ['rl', defaults.rl, {}],
    ['rl', defaults.rlOfSome, {}],
    [
      'evaluate',
      { ...defaults.evaluate.problems, heldoutTokens: defaults.evaluate.heldout.tokens, seed: defaults.evaluate.seed },
      {},
    ],
    ['model', defaults.architecture, {}],
    ['placement', defaults.placement, { checkpointEvery: '' }],
    ['generatedData', defaults.generated, {}],
    ['fileData', { heldout: defaults.files.heldout, ...defaults.benchmark }, {}],
  ];
  for (const [definition, table, renamed] of tables) {
    for (const [field, value] of Object.entries(table)) {
      if (renamed[field] === '') continue; // said in words
      test(`${definition}.${field}`, () => {
        const words = said(definition, field);
        assert.ok(
          words !== undefined && spelled(value).includes(words),
          `the schema says ${words}, the table ${JSON.stringify(value)}`,
        );
      });
    }
  }
});
