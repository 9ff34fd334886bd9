import { columns } from '../cli/render/columns.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { adamw } from '../trainer/adamw.ts';
import { type Example, longestOf, readOf, truncate } from '../trainer/example.ts';
import { initialise } from '../trainer/init.ts';
import { padded } from '../trainer/padded.ts';
import { random } from '../trainer/random.ts';
import { batchOf } from '../trainer/stages/sft.ts';
import { supervisedSteps } from '../trainer/supervised.ts';

// What packing saves of fine-tuning: `npm run bench -- packing`. The same batches, a row for each example and packed, take
// turns in one process; making graphs, of which each shape has one, is not counted. The ratio is what to look at.

/** Examples by the lengths of their prompts and responses: a median and the deviation of its logarithm. */
const datasets = [
  { name: 'as GSM8K’s', prompt: [55, 0.4], response: [120, 0.5] },
  { name: 'of very unequal lengths', prompt: [40, 0.7], response: [80, 1.1] },
] as const;

const shapes: readonly { name: string; architecture: Architecture }[] = [
  { name: '0.4M', architecture: shape({ hidden: 96, layers: 3, heads: 4, kvHeads: 4, ffn: 256, context: 1024 }) },
  { name: '3.4M', architecture: shape({ hidden: 256, layers: 4, heads: 4, kvHeads: 4, ffn: 688, context: 1024 }) },
];

const optimizer = { betas: [0.9, 0.999] as [number, number], weightDecay: 0, clip: 1 };
const [batchSize, batches, rounds] = [32, 6, 3];
const header = ['model', 'examples', 'rows', 'padding', 'padding packed', 'ms a step', 'packed', 'times as fast'];

const rows: string[][] = [];
for (const { name, architecture } of shapes) {
  for (const dataset of datasets) rows.push([name, dataset.name, ...measure(architecture, dataset)]);
}
process.stdout.write(`${columns([header, ...rows])}\n`);

function measure(architecture: Architecture, dataset: (typeof datasets)[number]): string[] {
  const examples = Array.from({ length: batches * batchSize }, (_, index) => drawn(dataset, index, architecture));
  const alone = { padding: 0, context: architecture.context };
  const ways = [alone, { ...alone, packing: true, longest: longestOf(examples) }].map((layout) => ({
    layout,
    update: supervisedSteps(architecture, adamw(initialise(architecture, 1), optimizer)),
    seconds: 0,
    places: 0,
    rows: 0,
  }));
  const steps = Array.from({ length: batches }, (_, step) => examples.slice(step * batchSize, (step + 1) * batchSize));
  for (let round = 0; round <= rounds; round++) {
    for (const step of steps) {
      for (const way of ways) {
        const start = performance.now();
        way.update(batchOf(step, way.layout), 1e-4);
        if (round > 0) way.seconds += (performance.now() - start) / 1000 / (rounds * batches);
      }
    }
  }
  for (const way of ways) {
    for (const step of steps) {
      const { sequences, tokens } = padded(step, way.layout);
      way.places += tokens.length;
      way.rows += sequences / batches;
    }
  }
  const read = examples.reduce((sum, example) => sum + readOf(example), 0);
  const [apart, packed] = ways as [(typeof ways)[number], (typeof ways)[number]];
  const share = (places: number) => `${((1 - read / places) * 100).toFixed(0)} %`;
  const milliseconds = (seconds: number) => (seconds * 1000).toFixed(0);
  return [
    `${apart.rows.toFixed(0)} → ${packed.rows.toFixed(1)}`,
    ...[share(apart.places), share(packed.places), milliseconds(apart.seconds), milliseconds(packed.seconds)],
    (apart.seconds / packed.seconds).toFixed(2),
  ];
}

function drawn(
  { prompt, response }: (typeof datasets)[number],
  index: number,
  { vocab, context }: Architecture,
): Example {
  const { integer, normal } = random(1, 'bench', 'packing', index);
  const tokens = ([median, deviation]: readonly [number, number]) => {
    const length = Math.max(1, Math.round(median * Math.exp(deviation * normal())));
    return Array.from({ length }, () => integer(vocab));
  };
  return truncate({ prompt: tokens(prompt), response: tokens(response) }, context);
}

function shape(fields: Omit<Architecture, 'vocab' | 'ropeTheta' | 'normEpsilon'>): Architecture {
  return { ...fields, vocab: 512, ropeTheta: 10_000, normEpsilon: 1e-5 };
}
