/**
 * The models of EvoLM (arXiv 2506.16029) by signature, as facts that tests count with: those whose figures the paper
 * reports, table by table, and those that its authors published on the Hugging Face Hub, as far as the project's page
 * spells out which.
 */

const each = <T>(items: readonly T[], name: (item: T) => string[]): string[] => items.flatMap(name);
const withRl = (sft: string, rl = '100Kep8'): string[] => [sft, `${sft}-${rl}`];
const trunk = '1B-160BT-8+42BT';
const epochs = [1, 2, 4, 8, 16, 32];

/** What each table and figure reports figures of; other people's models and intermediate checkpoints are left out. */
export const reported: Readonly<Record<string, readonly string[]>> = {
  'Figure 2': each([10, 20, 40, 80, 160, 320], (tokens) => [`0.5B-${tokens}BT`]),
  'Table 4': [
    ...each([20, 40, 80, 160, 320], (tokens) => [`1B-${tokens}BT`]),
    ...each([80, 160, 320], (tokens) => [`4B-${tokens}BT`]),
  ],
  'Table 1': each(['1B-80BT', '1B-160BT', '1B-320BT', '4B-80BT', '4B-160BT'], (base) =>
    withRl(`${base}-8+42BT-100Kep1`),
  ),
  'Figure 3': each([20, 40, 80, 160, 320], (tokens) => withRl(`1B-${tokens}BT-8+42BT-100Kep1`)),
  'Table 2': each(['', '-0+50BT', '-1.6+48.4BT', '-8+42BT', '-16+34BT'], (cpt) => [`1B-160BT${cpt}-100Kep1`]),
  'Figure 4': [
    ...each([10, 20, 30, 40, 50], (domain) => [`1B-160BT-0+${domain}BT`]),
    ...each([2, 12, 22, 32, 42], (domain) => [`1B-160BT-8+${domain}BT`]),
    '1B-160BT-1.6+48.4BT',
    '1B-160BT-16+34BT',
  ],
  'Figure 5': each(['', '-8+2BT', '-8+12BT', '-8+22BT', '-8+32BT', '-8+42BT'], (cpt) =>
    withRl(`1B-160BT${cpt}-100Kep1`),
  ),
  'Figure 6': each(epochs, (many) => withRl(`${trunk}-100Kep${many}`)),
  'Figure 7': each([50, 100, 150, 200, 250, 300, 350, 400], (examples) => withRl(`${trunk}-${examples}Kep1`)),
  'Figure 8a': each(epochs, (many) => [`${trunk}-100Kep1-100Kep${many}`]),
  'Figure 8b': each([50, 100, 150, 200, 250, 300, 350, 400], (examples) => [`${trunk}-100Kep1-${examples}Kep8`]),
  'Figure 9': each(['1B', '4B'], (model) =>
    each([10, 30, 50, 70, 90], (sft) => [`${model}-160BT-8+42BT-${sft}Kep4-${100 - sft}Kep4`]),
  ),
  'Table 3': ['1B-20BT-100Kep1', '1B-40BT-100Kep1'],
};

/** A published model: its name on the Hub without `zhenting/`, and its signature. */
export interface Published {
  alias: string;
  signature: string;
}

/** The published models that the project's page spells out, by the rule that it gives for them. */
export function published(): Published[] {
  const models: Published[] = [];
  const add = (alias: string, signature: string) => models.push({ alias: `myllama-${alias}`, signature });
  const sftAlias = (many: number, examples: number) => `sftep${many}-sampled500k_first${examples}k_qwen7b`;
  for (const tokens of [10, 20, 40, 80, 160, 320]) add(`0.5B-${tokens}BT`, `0.5B-${tokens}BT`);
  for (const tokens of [20, 40, 80, 160, 320]) {
    const base = `1B-${tokens}BT`;
    add(base, base);
    const domains = tokens === 160 ? [10, 20, 30, 40, 50] : tokens === 320 ? [] : [10, 30, 50];
    for (const domain of domains) add(`${base}-cpt-FM${domain}BT`, `${base}-0+${domain}BT`);
    add(`${base}-cpt-MixedFW8FM42`, `${base}-8+42BT`);
    if (tokens === 160) continue; // below, with the rest of its grid
    add(`${base}-cpt-MixedFW8FM42-${sftAlias(1, 100)}`, `${base}-8+42BT-100Kep1`);
    add(`${base}-cpt-MixedFW8FM42-${sftAlias(1, 100)}-rlep8-last100k`, `${base}-8+42BT-100Kep1-100Kep8`);
  }
  for (const tokens of [80, 160, 320]) add(`4B-${tokens}BT`, `4B-${tokens}BT`);
  add('4B-160BT-cpt-MixedFW8FM42', '4B-160BT-8+42BT');
  const sizes = [
    ...epochs.map((many) => ({ many, examples: 100 })),
    ...[200, 300, 400].map((examples) => ({ many: 0, examples })),
  ];
  for (const model of ['1B', '4B']) {
    const base = `${model}-160BT`;
    add(`${base}-${sftAlias(1, 100)}`, `${base}-100Kep1`);
    add(`${base}-${sftAlias(1, 100)}-rlep8-last100k`, `${base}-100Kep1-100Kep8`);
    const [alias, signature] = [`${base}-cpt-MixedFW8FM42`, `${base}-8+42BT`];
    for (const { many, examples } of sizes) {
      const sft = [`${alias}-${sftAlias(many || 1, examples)}`, `${signature}-${examples}Kep${many || 1}`] as const;
      add(...sft);
      add(`${sft[0]}-rlep8-last100k`, `${sft[1]}-100Kep8`);
    }
    for (const { many, examples } of sizes) {
      if (many === 8) continue; // RL of 100K x 8 epochs is among those above
      add(
        `${alias}-${sftAlias(1, 100)}-rlep${many || 8}-last${examples}k`,
        `${signature}-100Kep1-${examples}Kep${many || 8}`,
      );
    }
  }
  return models;
}

/** Every signature that the paper reports, once. */
export function paperSignatures(): string[] {
  return [...new Set(Object.values(reported).flat())];
}
