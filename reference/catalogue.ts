import { defaults } from '../planner/defaults.ts';
import { diagnosticCodes } from '../planner/diagnostic.ts';
import { benchmarks, generators, typeVersions } from '../schemas/catalogue.ts';
import { engines, type Honour } from '../schemas/engines.ts';
import { code, table } from './markdown.ts';

/** Sections of Markdown that tell what ships with Descent by name: generators, benchmarks, algorithms, engines, types, diagnostics. */
export function catalogueSections(): string[] {
  return [
    generatorSection(),
    benchmarkSection(),
    algorithmSection(),
    engineSection(),
    typeSection(),
    diagnosticSection(),
  ];
}

function generatorSection(): string {
  const rows = Object.entries(generators).flatMap(([name, { parts, version, description, options }]) => [
    [code(name), '', parts.join(', '), String(version), '', description],
    ...Object.entries(options).map(([option, { type, default: preset, description: says }]) => [
      '',
      code(option),
      type === 'integer' ? 'whole number' : type,
      '',
      String(preset),
      says,
    ]),
  ]);
  return `## Generators\n\nThe names of \`generator\`, and the options of each. [Data](../data.md) tells what they make.\n\n${table(
    ['generator', 'option', 'parts, or type', 'version', 'default', ''],
    rows,
  )}`;
}

function benchmarkSection(): string {
  const rows = Object.entries(benchmarks).map(([name, { suite, part, version, description }]) => [
    code(name),
    code(suite),
    part,
    String(version),
    description,
  ]);
  return `## Benchmarks\n\nThe names of \`benchmark\`. [Data](../data.md#benchmarks) tells where their files are from, and how each is asked.\n\n${table(['benchmark', 'suite', 'part', 'version', ''], rows)}`;
}

function algorithmSection(): string {
  const algorithms = Object.entries(defaults.algorithms);
  const options = [...new Set(algorithms.flatMap(([, preset]) => Object.keys(preset)))];
  const rows = options.map((option) => [
    code(option),
    ...algorithms.map(([, preset]) => String((preset as Record<string, unknown>)[option] ?? '')),
  ]);
  return `## Algorithms\n\nDefaults of an [rl](#rl) stage that differ by algorithm. [Post-training](../post-training.md#algorithms) has their formulas.\n\n${table(
    ['', ...algorithms.map(([name]) => code(name))],
    rows,
  )}`;
}

function engineSection(): string {
  const rows = Object.entries(engines).flatMap(([name, { version, stages }]) =>
    Object.entries(stages).flatMap(([stage, honours]) =>
      Object.entries(honours).map(([option, honour]) => [
        ...[code(name), String(version), code(stage), code(option)],
        honoured(honour),
      ]),
    ),
  );
  return `## Engines\n\nThe names of \`engine\` beside \`descent\`, the version of each adapter, which is in the keys of what it trains or evaluates, and what it takes of each option of a [recipe](job.md). [Engines](../engines.md) tells how they are driven. What an engine cannot do is refused when a lineage is planned.\n\n${table(['engine', 'version', 'stage', 'option', 'takes'], rows)}`;
}

function honoured(honour: Honour): string {
  if (honour === 'any') return 'any';
  if ('fits' in honour) return `${honour.says}: ${honour.why}`;
  return `${honour.only.map(String).join(', ') || 'none'}: ${honour.why}`;
}

function typeSection(): string {
  const rows = Object.entries(typeVersions).map(([type, version]) => [code(type), String(version)]);
  return `## Types of nodes\n\nThe version of what a type does is in the keys of its nodes.\n\n${table(['type', 'version'], rows)}`;
}

function diagnosticSection(): string {
  const rows = Object.entries(diagnosticCodes).map(([name, says]) => [code(name), says]);
  return `## Diagnostics\n\nThe codes of what may be wrong with a file. [What may be wrong with it](../lineage-file.md#what-may-be-wrong-with-it) shows one, and lists the warnings.\n\n${table(['code', ''], rows)}`;
}
