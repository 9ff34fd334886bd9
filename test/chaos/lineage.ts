/** Four seeds of a small model through all four stages, each evaluated: 32 nodes and their tokenizer. */
export const chaosLineage = `lineage: chaos
models:
  nano: {layers: 1, hidden: 32, heads: 2, ffn: 64, context: 64, tokenizer: words}
tokenizers:
  words: {bpe: {vocab: 512, data: [web, math/problems], characters: 100K}}
data:
  web: {generator: stories}
  math: {generator: arithmetic}
stages:
  base: {pretrain: {model: nano, data: web, tokens: 60K, batch: 1K}}
  mid: {cpt: {from: base, tokens: 30K, batch: 1K, mix: {math: 1, replay: 25%}}}
  tuned: {sft: {from: mid, data: math/problems, examples: 200, batch: 8}}
  rl: {rl: {from: tuned, data: math/problems, examples: 128, batch: 32, maxResponse: 8}}
axes:
  seed: {replicate: [1, 2, 3, 4]}
evaluate: {each: [base, mid, tuned, rl], suites: [heldout], heldoutTokens: 2K}
placement:
  default: {device: cpu, checkpointEvery: 5}
`;

/** Another lineage with half of its seeds: it has the first two stages in common with that, and goes on otherwise. */
export const besideLineage = chaosLineage
  .replace('lineage: chaos', 'lineage: beside')
  .replaceAll('tuned', 'taught')
  .replace('examples: 200', 'examples: 100')
  .replace('rl: {rl:', 'rewarded: {rl:')
  .replace('taught, rl]', 'taught, rewarded]')
  .replace('[1, 2, 3, 4]', '[1, 2]');

/** A heartbeat that is soon missed. */
export const chaosConfig = { heartbeatSeconds: 5, stopSeconds: 10, devices: { cpu: { slots: 2, threads: 1 } } };
