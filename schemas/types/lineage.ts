// Generated from lineage.schema.json by `npm run generate`: change the schema, not this file.

/**
 * A part of the mix: `20%` of the stage's tokens, `5% of pretrain` (of the tokens that the ancestor's pretraining saw), an amount of tokens (`8BT`), or a plain weight for what the others leave.
 */
export type Share = number | string | AxisReference;
/**
 * The value of an axis, for example "{lr}".
 */
export type AxisReference = string;
/**
 * AdamW's two decay rates. Default: [0.9, 0.95].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas = [number, number];
/**
 * Why this stage may start from a parent whose learning rate has not decayed, in ten characters or more. It is recorded, and no part of any key. Default: it may not.
 */
export type AllowUndecayed = string;
/**
 * AdamW's two decay rates. Default: [0.9, 0.95].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas1 = [number, number];
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas2 = [number, number];
/**
 * Why this stage may learn from problems that it, or what comes of it, is evaluated on, or that the stages before it learned from. It is measured and recorded all the same. Default: it may not.
 */
export type AllowOverlap = string;
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas3 = [number, number];
export type Tokenizer = OwnTokenizer | HubTokenizer;
/**
 * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
 */
export type DataReference = string;
/**
 * A repository of a model on the Hugging Face Hub, as owner/name: meta-llama/Llama-2-7b-hf.
 */
export type ModelRepository = string;
/**
 * The commit, 40 hex digits: what a branch or a tag names can change, and then a key would name something else. The repository's page shows it under Files and versions, History; `git ls-remote` prints it. `unpinned` where it is not known: that can be planned, and is never run.
 */
export type Revision = string;
export type Dataset = GeneratedData | FileData | HubData;
/**
 * A repository on the Hugging Face Hub, as owner/name: HuggingFaceFW/fineweb-edu.
 */
export type Repository = string;
/**
 * A model that was trained elsewhere, with its tokenizer: a Llama-shaped checkpoint of the Hugging Face Hub or in a folder.
 */
export type Adopt = AdoptHub | AdoptFolder;
/**
 * The commit, 40 hex digits: what a branch or a tag names can change. The repository's page shows it under Files and versions, History; `git ls-remote` prints it.
 */
export type Commit = string;
/**
 * Longest sequence that the model reads from here on: what `batch` counts in, and what examples have to fit. Default: max_position_embeddings of its config.json, which it may not pass.
 */
export type AdoptedContext = number;
/**
 * How the model is asked, in RL and in evaluations, until a fine-tuning says otherwise: `paper`, or `tokenizer`, by the chat template of its tokenizer. Default: paper.
 */
export type AdoptedTemplate = 'paper' | 'tokenizer';
/**
 * AdamW's two decay rates. Default: [0.9, 0.95].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas4 = [number, number];
/**
 * The stage this one starts from, or one variant of it: `mid`, `mid@replay=20%`.
 */
export type StageReference = string;
/**
 * AdamW's two decay rates. Default: [0.9, 0.95].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas5 = [number, number];
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas6 = [number, number];
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas7 = [number, number];
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas8 = [number, number];
/**
 * AdamW's two decay rates. Default: [0.9, 0.999].
 *
 * @minItems 2
 * @maxItems 2
 */
export type Betas9 = [number, number];
/**
 * A list of values, or {replicate: [1, 2, 3]} for seeds that are averaged over.
 */
export type Axis =
  | [number | string, ...(number | string)[]]
  | {
      /**
       * Seeds that are averaged over.
       *
       * @minItems 1
       */
      replicate: [number, ...number[]];
    };
/**
 * Names of axes with as many values each: [model, lr].
 *
 * @minItems 2
 */
export type Zip = [Name, Name, ...Name[]];
/**
 * A name: a letter, then letters, digits, `_` or `-`.
 */
export type Name = string;
/**
 * A stage, by its name or by its signature: mid, 1B-160BT-8+42BT.
 */
export type StageName = string;
/**
 * A suite and a figure of it, with a task between them or the mean of all: `id.pass@1`, `heldout.web.loss`.
 */
export type MetricName = string;

/**
 * One lineage of language models: what is trained on what, in which order, over which axes, and how it is evaluated.
 */
export interface LineageFile {
  /**
   * The lineage's name, for example `replay`. Runs, tables and the page show it.
   */
  lineage: string;
  /**
   * The question this lineage asks, in a sentence.
   */
  title?: string;
  /**
   * Architectures by name: LLaMA-2 shaped decoders.
   */
  models?: {
    [k: string]: Model;
  };
  /**
   * Tokenizers by name. Each is trained once, as a node of its own, and shared by every model that names it.
   */
  tokenizers?: {
    [k: string]: Tokenizer;
  };
  /**
   * Data sets by name: a seeded generator that ships with Descent, local files, or files of a repository on the Hugging Face Hub.
   */
  data: {
    [k: string]: Dataset;
  };
  /**
   * The declared steps, by name. A stage becomes one node for each setting of the axes that it, or a stage before it, mentions. Required, unless there are `signatures`.
   */
  stages?: {
    [k: string]: Stage;
  };
  /**
   * Lineages by EvoLM's names, for example [1B-160BT-8+42BT-100Kep1-100Kep8]: model, pretraining, CPT (replay + domain), SFT and RL (examples, epochs). Each implies a stage for itself and for everything that it starts from; what signatures share is one stage. `recipes` say the rest.
   *
   * @minItems 1
   */
  signatures?: [string, ...string[]];
  /**
   * What the stages that `signatures` imply take besides what the signatures say; a model's own `recipes` come first.
   */
  recipes?: Recipes;
  /**
   * What varies. `{name}` anywhere in a stage stands for the axis's value; an axis called `seed` (or any replicate axis) is the training seed.
   */
  axes?: {
    [k: string]: Axis;
  };
  /**
   * Lists of axes that vary together, value by value, instead of in every combination: [[model, lr]].
   *
   * @minItems 1
   */
  zip?: [Zip, ...Zip[]];
  /**
   * Settings to leave out, for example [{replay: 0%, seed: 3}]: every node that has all of an entry's values is dropped.
   *
   * @minItems 1
   * @maxItems 1000
   */
  exclude?: [Setting, ...Setting[]];
  /**
   * Settings to add, for example [{replay: 30%, seed: 1}], with values that the axes have or others; axes that an entry does not name take all their values.
   *
   * @minItems 1
   * @maxItems 1000
   */
  include?: [Setting, ...Setting[]];
  /**
   * Which stages are evaluated, and on what.
   */
  evaluate?: Evaluate;
  /**
   * Where nodes run. Placement never reaches a node's key: changing it retrains nothing. `default` holds for every stage that has no entry of its own.
   */
  placement?: {
    [k: string]: Placement;
  };
  /**
   * What was renamed since it was run, so that it is compared with its earlier self: [{from: base, to: trunk}].
   *
   * @minItems 1
   */
  moved?: [Moved, ...Moved[]];
  /**
   * Nodes that keep an artifact of the store although their declaration has another key by now, each with the reason.
   *
   * @minItems 1
   */
  accept?: [Accept, ...Accept[]];
  /**
   * Claims that this lineage is to decide, each with what it compares and its metric.
   *
   * @minItems 1
   */
  takeaways?: [Takeaway, ...Takeaway[]];
  /**
   * What the whole lineage may cost. One that costs more is refused, with the cheapest cut that would fit. Never part of a key.
   */
  budget?: Budget;
}
export interface Model {
  /**
   * Decoder layers.
   */
  layers: number;
  /**
   * Width of the residual stream.
   */
  hidden: number;
  /**
   * Query heads; `hidden` must be a multiple of it, and hidden / heads even.
   */
  heads: number;
  /**
   * Key and value heads (grouped-query attention); it divides `heads`. Default: as many as `heads`.
   */
  kvHeads?: number;
  /**
   * Inner width of the SwiGLU feed-forward layer.
   */
  ffn: number;
  /**
   * Longest sequence, in tokens.
   */
  context: number;
  /**
   * The tokenizer, by name. Default: the only one declared, and bytes where none is; of several one must be named.
   */
  tokenizer?: string;
  /**
   * Base of the rotary embeddings. Default: 10000.
   */
  ropeTheta?: number;
  /**
   * Epsilon of RMSNorm. Default: 1e-5.
   */
  normEpsilon?: number;
  /**
   * What the stages of this model's signatures take, before what the file's `recipes` say for all. Default: none.
   */
  recipes?: Recipes;
}
/**
 * Recipes by kind of stage.
 */
export interface Recipes {
  /**
   * Pretraining, without what a signature says of it.
   */
  pretrain?: {
    /**
     * The data set; or use `mix`.
     */
    data?: string;
    mix?: Mix;
    /**
     * Tokens in one optimizer step, to whole sequences. Default: 32 sequences of the model's context.
     */
    batch?: number | string | AxisReference;
    /**
     * Peak learning rate. Default: 3e-3.
     */
    lr?: number | AxisReference;
    /**
     * Learning rate of the last step. Default: a tenth of `lr`.
     */
    minLr?: number | AxisReference;
    /**
     * Linear warm-up: a share of the steps, and with schedule wsd an amount of tokens, so that it does not depend on `tokens`. Default: 10%, with wsd 1x, a token for each parameter.
     */
    warmup?: number | string | AxisReference;
    /**
     * After warm-up: a cosine that ends at `minLr` on the last step; constant; or `wsd`, which stays at `lr` and decays at the end, so that runs of several budgets share what is before their decays. Default: cosine.
     */
    schedule?: 'cosine' | 'constant' | 'wsd';
    /**
     * Of schedule wsd: share of the steps that decay, the last ones. Default: 10%.
     */
    decay?: number | string | AxisReference;
    /**
     * Decoupled weight decay. Default: 0.1.
     */
    weightDecay?: number | AxisReference;
    /**
     * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
     */
    weightDecayOn?: 'all' | 'matrices';
    betas?: Betas;
    /**
     * Largest global gradient norm; 0 is off. Default: 1.
     */
    clip?: number | AxisReference;
    /**
     * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
     */
    precision?: ('float32' | 'bfloat16') | AxisReference;
    /**
     * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
     */
    engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
    /**
     * Seed of initial weights and of the order of data. Default: the value of the axis of seeds, else 0.
     */
    seed?: number | AxisReference;
  };
  /**
   * Continued pretraining, without what a signature says of it: `data` is the domain, and the signature mixes it with replay.
   */
  cpt?: {
    allowUndecayed?: AllowUndecayed;
    /**
     * The data set; or use `mix`.
     */
    data?: string;
    /**
     * Tokens in one optimizer step, to whole sequences. Default: 32 sequences of the model's context.
     */
    batch?: number | string | AxisReference;
    /**
     * Peak learning rate. Default: 3e-3.
     */
    lr?: number | AxisReference;
    /**
     * Learning rate of the last step. Default: a tenth of `lr`.
     */
    minLr?: number | AxisReference;
    /**
     * Linear warm-up: a share of the steps, and with schedule wsd an amount of tokens, so that it does not depend on `tokens`. Default: 10%, with wsd 1x, a token for each parameter.
     */
    warmup?: number | string | AxisReference;
    /**
     * After warm-up: a cosine that ends at `minLr` on the last step; constant; or `wsd`, which stays at `lr` and decays at the end, so that runs of several budgets share what is before their decays. Default: cosine.
     */
    schedule?: 'cosine' | 'constant' | 'wsd';
    /**
     * Of schedule wsd: share of the steps that decay, the last ones. Default: 10%.
     */
    decay?: number | string | AxisReference;
    /**
     * Decoupled weight decay. Default: 0.1.
     */
    weightDecay?: number | AxisReference;
    /**
     * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
     */
    weightDecayOn?: 'all' | 'matrices';
    betas?: Betas1;
    /**
     * Largest global gradient norm; 0 is off. Default: 1.
     */
    clip?: number | AxisReference;
    /**
     * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
     */
    precision?: ('float32' | 'bfloat16') | AxisReference;
    /**
     * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
     */
    engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
    /**
     * Seed of the order of data. Default: the value of the axis of seeds, else 0.
     */
    seed?: number | AxisReference;
  };
  /**
   * Supervised fine-tuning, without what a signature says of it.
   */
  sft?: {
    allowUndecayed?: AllowUndecayed;
    /**
     * The problems: a data set, or a stage that makes one.
     */
    data?: string;
    /**
     * Examples in one optimizer step. Default: 32.
     */
    batch?: number | string | AxisReference;
    /**
     * Peak learning rate. Default: 1e-3.
     */
    lr?: number | AxisReference;
    /**
     * Learning rate of the last step. Default: 0.
     */
    minLr?: number | AxisReference;
    /**
     * Linear warm-up, a share of the steps. Default: 10%.
     */
    warmup?: number | string | AxisReference;
    /**
     * After warm-up: a cosine to `minLr`, or constant. Default: cosine.
     */
    schedule?: 'cosine' | 'constant';
    /**
     * Decoupled weight decay. Default: 0.
     */
    weightDecay?: number | AxisReference;
    /**
     * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
     */
    weightDecayOn?: 'all' | 'matrices';
    betas?: Betas2;
    /**
     * Largest global gradient norm; 0 is off. Default: 1.
     */
    clip?: number | AxisReference;
    /**
     * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
     */
    precision?: ('float32' | 'bfloat16') | AxisReference;
    /**
     * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
     */
    engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
    /**
     * Seed of the order of examples and of noise. Default: the value of the axis of seeds, else 0.
     */
    seed?: number | AxisReference;
    /**
     * How prompts and responses are written, and how RL and evaluations ask what comes of it: `paper`, EvoLM's Human: and Assistant:, or `tokenizer`, the chat template of the parent's tokenizer. Default: paper.
     */
    template?: 'paper' | 'tokenizer';
    /**
     * Whether several examples share a row, each attending to itself alone: the same steps on the same examples, with less padding. Default: false.
     */
    packing?: boolean;
    /**
     * Alpha of NEFTune, the noise on the embeddings in training; 5 is usual. Default: 0, which is none.
     */
    neftune?: number | AxisReference;
    /**
     * What becomes of an example that the context does not hold: `truncate` cuts the beginning of its prompt, `drop` leaves it out. Default: truncate.
     */
    overlong?: 'truncate' | 'drop';
    allowOverlap?: AllowOverlap;
  };
  /**
   * Reinforcement learning, without what a signature says of it; a word such as `ppo` in the signature comes before `algorithm`.
   */
  rl?: {
    allowUndecayed?: AllowUndecayed;
    /**
     * How the policy learns from rewards: ppo, grpo, dr_grpo, dapo, rloo or reinforce_plus_plus. Default: ppo.
     */
    algorithm?: ('ppo' | 'grpo' | 'dr_grpo' | 'dapo' | 'rloo' | 'reinforce_plus_plus') | AxisReference;
    /**
     * The problems: a data set, or a stage that makes one.
     */
    data?: string;
    /**
     * Prompts in one round. Default: 128.
     */
    batch?: number | string | AxisReference;
    /**
     * Responses to each prompt, which are a group; algorithms with groups need two or more. Default: 1 of ppo and reinforce_plus_plus, 8 of the others.
     */
    responses?: number | string | AxisReference;
    /**
     * Responses in one optimizer step, at most a round. Default: the whole round, `batch` x `responses`.
     */
    miniBatch?: number | string | AxisReference;
    /**
     * Passes over each round's responses. Default: 1.
     */
    innerEpochs?: number | string | AxisReference;
    /**
     * Longest response, less than the model's context. Default: 32.
     */
    maxResponse?: number | string | AxisReference;
    /**
     * Of sampling, and of the log-probabilities. Default: 1.
     */
    temperature?: number | AxisReference;
    /**
     * Learning rate of the policy. Default: 1e-4.
     */
    lr?: number | AxisReference;
    /**
     * Learning rate of the critic, of ppo. Default: ten times `lr`.
     */
    criticLr?: number | AxisReference;
    /**
     * Linear warm-up, a share of the steps; then constant. Default: 10%.
     */
    warmup?: number | string | AxisReference;
    /**
     * Discount, of ppo and reinforce_plus_plus. Default: 1.
     */
    gamma?: number | string | AxisReference;
    /**
     * Lambda of GAE, of ppo. Default: 1.
     */
    lambda?: number | string | AxisReference;
    /**
     * How far below 1 a ratio counts. Default: 0.2.
     */
    clipRatio?: number | AxisReference;
    /**
     * How far above 1 a ratio counts. Default: `clipRatio`, of dapo 0.28.
     */
    clipRatioHigh?: number | AxisReference;
    /**
     * Largest ratio that counts where the advantage is negative, more than 1; 0 is off. Default: 3.
     */
    dualClip?: number | AxisReference;
    /**
     * Clip range of the critic's values, of ppo. Default: 0.5.
     */
    valueClip?: number | AxisReference;
    /**
     * Whether advantages are whitened over the round. Default: true of ppo and reinforce_plus_plus, false of the others.
     */
    whiten?: boolean;
    /**
     * How the losses of tokens make the loss of a mini-batch, by verl's names; seq-mean-token-sum-norm is over `maxResponse`. Default: token-mean of ppo, dapo and reinforce_plus_plus, seq-mean-token-mean of grpo, seq-mean-token-sum-norm of dr_grpo, seq-mean-token-sum of rloo.
     */
    lossAggregation?:
      ('token-mean' | 'seq-mean-token-sum' | 'seq-mean-token-mean' | 'seq-mean-token-sum-norm') | AxisReference;
    /**
     * Where the KL to the parent counts: taken from each token's reward, added to the loss, or nowhere. Default: reward of ppo and reinforce_plus_plus, loss of grpo, off of the others.
     */
    kl?: ('reward' | 'loss' | 'off') | AxisReference;
    /**
     * How the KL is estimated at a token: k1 = ln p - ln p_parent, k2 half its square, k3 = p_parent / p - 1 + k1. Default: k1 in the reward, k3 in the loss.
     */
    klEstimator?: ('k1' | 'k2' | 'k3') | AxisReference;
    /**
     * Weight of the KL to the parent; 0 is off. Default: 0.001.
     */
    klCoef?: number | AxisReference;
    /**
     * Weight of the entropy bonus. Default: 0.
     */
    entropyCoef?: number | AxisReference;
    /**
     * Whether groups whose rewards are all equal are left out, and further prompts sampled in their place; of algorithms with groups. Default: true of dapo, false of the others.
     */
    dynamicSampling?: boolean;
    /**
     * How often a round samples at most under `dynamicSampling`; then it goes on with what there is. Default: 10.
     */
    maxSamplings?: number | string | AxisReference;
    /**
     * Tokens before `maxResponse` over which the reward of a response falls by `overlongPenalty`; 0 is off. Default: a fifth of `maxResponse` of dapo, 0 of the others.
     */
    overlongBuffer?: number | string | AxisReference;
    /**
     * What is taken from the reward of a response as long as `maxResponse`. Default: 1.
     */
    overlongPenalty?: number | AxisReference;
    /**
     * Decoupled weight decay. Default: 0.01.
     */
    weightDecay?: number | AxisReference;
    betas?: Betas3;
    /**
     * Largest global gradient norm; 0 is off. Default: 1.
     */
    clip?: number | AxisReference;
    /**
     * Whether training ends, with the model as it is, once it has collapsed. Default: false.
     */
    stopOnCollapse?: boolean;
    /**
     * What matrices are multiplied in when the policy and the critic learn and are measured; responses are sampled in float32. Default: float32.
     */
    precision?: ('float32' | 'bfloat16') | AxisReference;
    /**
     * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
     */
    engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
    /**
     * Seed of the order of prompts and of sampling. Default: the value of the axis of seeds, else 0.
     */
    seed?: number | AxisReference;
    allowOverlap?: AllowOverlap;
  };
}
/**
 * Several data sets with a share each, in place of `data`. Of cpt, `replay` stands for the data of the ancestor's pretraining, in the proportions in which it saw them.
 */
export interface Mix {
  [k: string]: Share;
}
export interface OwnTokenizer {
  /**
   * Byte-pair encoding, trained on a sample of the data.
   */
  bpe?: {
    /**
     * Size of the vocabulary, special tokens included; at least 257.
     */
    vocab: number | string | AxisReference;
    /**
     * The data sets it learns from, in equal parts.
     *
     * @minItems 1
     */
    data: [DataReference, ...DataReference[]];
    /**
     * How much text it learns from, in characters, over all data sets. Default: 2M.
     */
    characters?: number | string | AxisReference;
  };
  /**
   * One token a byte: no training, 256 bytes and the special tokens.
   */
  bytes?: {};
}
/**
 * The tokenizer.json of a repository on the Hugging Face Hub.
 */
export interface HubTokenizer {
  hub: ModelRepository;
  revision: Revision;
  /**
   * Size of the vocabulary, special tokens included.
   */
  vocab: number | string | AxisReference;
}
export interface GeneratedData {
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  generator: string;
  /**
   * Seed of the data itself (not of training). Default: 0.
   */
  seed?: number;
  /**
   * The suite that asks it, in place of what that would ask; nothing learns from it. Default: none.
   */
  suite?: 'heldout' | 'upstream' | 'id' | 'ood';
  /**
   * Options of the generator, for example `maximum` of arithmetic; docs/data.md lists them. Default: those of the generator.
   */
  options?: {
    [k: string]: number | string | boolean;
  };
}
export interface FileData {
  /**
   * Paths or globs, relative to the lineage file: `*` and `?` within a name, `**` for any folders. They may not leave its folder, neither through `..` nor through a link.
   */
  files: string | [string, ...string[]];
  /**
   * What the files are. Default: by their ending (.txt and .md: text, one document a file; .jsonl and .ndjson: jsonl; .parquet: parquet).
   */
  format?: 'text' | 'jsonl' | 'parquet';
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  benchmark?: string;
  /**
   * How a benchmark of problems asks: with all that its answer needs (`clean`), or in the words of EvoLM's evaluation (`paper`). Default: clean.
   */
  prompts?: 'clean' | 'paper';
  columns?: Columns;
  /**
   * The suite that asks it, in place of what that would ask; nothing learns from it, and all of it is held out unless `heldout` says otherwise. Default: none.
   */
  suite?: 'heldout' | 'upstream' | 'id' | 'ood';
  /**
   * Share of the documents kept for held-out loss, and of the problems kept for tests. Default: 5%.
   */
  heldout?: number | string | AxisReference;
  grading?: Grading;
}
/**
 * Which columns hold what: `text` for documents; `prompt`, `answer` and `solution` for problems; `prompt`, `chosen` and `rejected` for preferences. Default: the same names.
 */
export interface Columns {
  /**
   * A document. Default: text.
   */
  text?: string;
  /**
   * What a model is asked. Default: prompt.
   */
  prompt?: string;
  /**
   * The right answer, which responses are graded by. Default: answer.
   */
  answer?: string;
  /**
   * Worked solution that SFT learns from. Default: solution.
   */
  solution?: string;
  /**
   * The better of two responses. Default: chosen.
   */
  chosen?: string;
  /**
   * The worse of them. Default: rejected.
   */
  rejected?: string;
}
/**
 * How responses to the problems are graded, in RL and in evaluations; docs/grading.md has the rules. Default: by what the answers are.
 */
export interface Grading {
  /**
   * What answers are: plain numbers (`number`); mathematics in LaTeX or plain (`math`); a choice's letter (`choice`); one of the answers that occur, by word (`label`); a value as Python writes it (`literal`). Default: number, label or literal, by the answers.
   */
  answers?: 'number' | 'math' | 'choice' | 'label' | 'literal';
  /**
   * Where a response's answer is looked for; the first that occurs counts. `boxed`: the last \boxed{}; `phrase`: after the last `answer is`; `hashes`: after the last ####; `last`: the last number; `whole`: all of it. Default: [boxed, phrase, hashes].
   *
   * @minItems 1
   */
  marks?: ['boxed' | 'phrase' | 'hashes' | 'last' | 'whole', ...('boxed' | 'phrase' | 'hashes' | 'last' | 'whole')[]];
  /**
   * Of numbers and mathematics: the part by which a number may be off and still be right, 0.01 for a hundredth. Default: 0, which is exactly equal.
   */
  tolerance?: number;
}
export interface HubData {
  hub: Repository;
  revision: Revision;
  /**
   * Paths or globs in the repository: sample/350BT/*.
   */
  files: string | [string, ...string[]];
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  benchmark?: string;
  /**
   * How a benchmark of problems asks: with all that its answer needs (`clean`), or in the words of EvoLM's evaluation (`paper`). Default: clean.
   */
  prompts?: 'clean' | 'paper';
  columns?: Columns;
  /**
   * Share of the documents kept for held-out loss, and of the problems kept for tests. Default: 5%.
   */
  heldout?: number | string | AxisReference;
  grading?: Grading;
}
/**
 * One stage: exactly one of adopt, pretrain, checkpoint, cpt, sft, dpo, rl, reward, generate, build.
 */
export interface Stage {
  adopt?: Adopt;
  pretrain?: Pretrain;
  checkpoint?: Checkpoint;
  cpt?: Cpt;
  sft?: Sft;
  dpo?: Dpo;
  rl?: Rl;
  reward?: Reward;
  generate?: Generate;
  build?: Build;
}
export interface AdoptHub {
  hub: ModelRepository;
  revision: Commit;
  context?: AdoptedContext;
  template?: AdoptedTemplate;
}
export interface AdoptFolder {
  /**
   * A folder as save_pretrained leaves it, relative to the lineage file; it may not lie outside of the file's folder.
   */
  folder: string;
  context?: AdoptedContext;
  template?: AdoptedTemplate;
}
/**
 * Pretraining from random weights.
 */
export interface Pretrain {
  /**
   * The architecture, by name, or an axis over names.
   */
  model: string;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data?: string;
  mix?: Mix;
  /**
   * How much to train on, to the nearest step.
   */
  tokens: number | string | AxisReference;
  /**
   * Tokens in one optimizer step, to whole sequences. Default: 32 sequences of the model's context.
   */
  batch?: number | string | AxisReference;
  /**
   * Peak learning rate. Default: 3e-3.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the last step. Default: a tenth of `lr`.
   */
  minLr?: number | AxisReference;
  /**
   * Linear warm-up: a share of the steps, and with schedule wsd an amount of tokens, so that it does not depend on `tokens`. Default: 10%, with wsd 1x, a token for each parameter.
   */
  warmup?: number | string | AxisReference;
  /**
   * After warm-up: a cosine that ends at `minLr` on the last step; constant; or `wsd`, which stays at `lr` and decays at the end, so that runs of several budgets share what is before their decays. Default: cosine.
   */
  schedule?: 'cosine' | 'constant' | 'wsd';
  /**
   * Of schedule wsd: share of the steps that decay, the last ones. Default: 10%.
   */
  decay?: number | string | AxisReference;
  /**
   * Decoupled weight decay. Default: 0.1.
   */
  weightDecay?: number | AxisReference;
  /**
   * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
   */
  weightDecayOn?: 'all' | 'matrices';
  betas?: Betas4;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * Seed of initial weights and of the order of data. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
}
/**
 * The model that a pretrain or cpt stage is at some point before its end, where its learning rate has not decayed.
 */
export interface Checkpoint {
  /**
   * The pretrain or cpt stage, with values of axes where it is one variant: "base@tokens=160BT".
   */
  of: string;
  /**
   * The point, before the run's end: an amount of tokens (20BT, 20x), or a share of its steps (40%), to the nearest step.
   */
  at: number | string | AxisReference;
}
/**
 * Continued pretraining: the parent's weights, a fresh optimizer, a new schedule.
 */
export interface Cpt {
  from: StageReference;
  allowUndecayed?: AllowUndecayed;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data?: string;
  mix?: Mix;
  /**
   * How much to train on, to the nearest step.
   */
  tokens: number | string | AxisReference;
  /**
   * Tokens in one optimizer step, to whole sequences. Default: 32 sequences of the model's context.
   */
  batch?: number | string | AxisReference;
  /**
   * Peak learning rate. Default: 3e-3.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the last step. Default: a tenth of `lr`.
   */
  minLr?: number | AxisReference;
  /**
   * Linear warm-up: a share of the steps, and with schedule wsd an amount of tokens, so that it does not depend on `tokens`. Default: 10%, with wsd 1x, a token for each parameter.
   */
  warmup?: number | string | AxisReference;
  /**
   * After warm-up: a cosine that ends at `minLr` on the last step; constant; or `wsd`, which stays at `lr` and decays at the end, so that runs of several budgets share what is before their decays. Default: cosine.
   */
  schedule?: 'cosine' | 'constant' | 'wsd';
  /**
   * Of schedule wsd: share of the steps that decay, the last ones. Default: 10%.
   */
  decay?: number | string | AxisReference;
  /**
   * Decoupled weight decay. Default: 0.1.
   */
  weightDecay?: number | AxisReference;
  /**
   * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
   */
  weightDecayOn?: 'all' | 'matrices';
  betas?: Betas5;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * Seed of the order of data. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
}
/**
 * Supervised fine-tuning on worked solutions; loss on the responses only.
 */
export interface Sft {
  from: StageReference;
  allowUndecayed?: AllowUndecayed;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data: string;
  /**
   * How many problems of the SFT split.
   */
  examples: number | string | AxisReference;
  /**
   * Passes over them. Default: 1.
   */
  epochs?: number | string | AxisReference;
  /**
   * Examples in one optimizer step. Default: 32.
   */
  batch?: number | string | AxisReference;
  /**
   * Peak learning rate. Default: 1e-3.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the last step. Default: 0.
   */
  minLr?: number | AxisReference;
  /**
   * Linear warm-up, a share of the steps. Default: 10%.
   */
  warmup?: number | string | AxisReference;
  /**
   * After warm-up: a cosine to `minLr`, or constant. Default: cosine.
   */
  schedule?: 'cosine' | 'constant';
  /**
   * Decoupled weight decay. Default: 0.
   */
  weightDecay?: number | AxisReference;
  /**
   * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
   */
  weightDecayOn?: 'all' | 'matrices';
  betas?: Betas6;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * Seed of the order of examples and of noise. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
  /**
   * How prompts and responses are written, and how RL and evaluations ask what comes of it: `paper`, EvoLM's Human: and Assistant:, or `tokenizer`, the chat template of the parent's tokenizer. Default: paper.
   */
  template?: 'paper' | 'tokenizer';
  /**
   * Whether several examples share a row, each attending to itself alone: the same steps on the same examples, with less padding. Default: false.
   */
  packing?: boolean;
  /**
   * Alpha of NEFTune, the noise on the embeddings in training; 5 is usual. Default: 0, which is none.
   */
  neftune?: number | AxisReference;
  /**
   * What becomes of an example that the context does not hold: `truncate` cuts the beginning of its prompt, `drop` leaves it out. Default: truncate.
   */
  overlong?: 'truncate' | 'drop';
  allowOverlap?: AllowOverlap;
}
/**
 * Direct preference optimisation against the parent.
 */
export interface Dpo {
  from: StageReference;
  allowUndecayed?: AllowUndecayed;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data: string;
  /**
   * How many pairs, the first of the set.
   */
  examples: number | string | AxisReference;
  /**
   * Passes over them. Default: 1.
   */
  epochs?: number | string | AxisReference;
  /**
   * Pairs in one optimizer step. Default: 32.
   */
  batch?: number | string | AxisReference;
  /**
   * Peak learning rate. Default: 1e-4.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the last step. Default: 0.
   */
  minLr?: number | AxisReference;
  /**
   * Linear warm-up, a share of the steps. Default: 10%.
   */
  warmup?: number | string | AxisReference;
  /**
   * After warm-up: a cosine to `minLr`, or constant. Default: cosine.
   */
  schedule?: 'cosine' | 'constant';
  /**
   * Decoupled weight decay. Default: 0.
   */
  weightDecay?: number | AxisReference;
  /**
   * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
   */
  weightDecayOn?: 'all' | 'matrices';
  betas?: Betas7;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * How much departing from the parent costs; more than 0. Default: 0.1.
   */
  beta?: number | AxisReference;
  /**
   * DPO as published, or IPO. Default: sigmoid.
   */
  loss?: 'sigmoid' | 'ipo';
  /**
   * Share of the pairs that are taken to be the wrong way round, below a half. Default: 0.
   */
  labelSmoothing?: number | string | AxisReference;
  /**
   * Weight of the likelihood of the chosen responses in the loss. Default: 0.
   */
  nllCoef?: number | AxisReference;
  /**
   * Seed of the order of pairs. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
  allowOverlap?: AllowOverlap;
}
/**
 * Reinforcement learning on verifiable rewards: 1 for a right answer, 0 for any other.
 */
export interface Rl {
  from: StageReference;
  allowUndecayed?: AllowUndecayed;
  /**
   * How the policy learns from rewards: ppo, grpo, dr_grpo, dapo, rloo or reinforce_plus_plus. Default: ppo.
   */
  algorithm?: ('ppo' | 'grpo' | 'dr_grpo' | 'dapo' | 'rloo' | 'reinforce_plus_plus') | AxisReference;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data: string;
  /**
   * How many problems of the RL split.
   */
  examples: number | string | AxisReference;
  /**
   * Passes over them. Default: 1.
   */
  epochs?: number | string | AxisReference;
  /**
   * Prompts in one round. Default: 128.
   */
  batch?: number | string | AxisReference;
  /**
   * Responses to each prompt, which are a group; algorithms with groups need two or more. Default: 1 of ppo and reinforce_plus_plus, 8 of the others.
   */
  responses?: number | string | AxisReference;
  /**
   * Responses in one optimizer step, at most a round. Default: the whole round, `batch` x `responses`.
   */
  miniBatch?: number | string | AxisReference;
  /**
   * Passes over each round's responses. Default: 1.
   */
  innerEpochs?: number | string | AxisReference;
  /**
   * Longest response, less than the model's context. Default: 32.
   */
  maxResponse?: number | string | AxisReference;
  /**
   * Of sampling, and of the log-probabilities. Default: 1.
   */
  temperature?: number | AxisReference;
  /**
   * Learning rate of the policy. Default: 1e-4.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the critic, of ppo. Default: ten times `lr`.
   */
  criticLr?: number | AxisReference;
  /**
   * Linear warm-up, a share of the steps; then constant. Default: 10%.
   */
  warmup?: number | string | AxisReference;
  /**
   * Discount, of ppo and reinforce_plus_plus. Default: 1.
   */
  gamma?: number | string | AxisReference;
  /**
   * Lambda of GAE, of ppo. Default: 1.
   */
  lambda?: number | string | AxisReference;
  /**
   * How far below 1 a ratio counts. Default: 0.2.
   */
  clipRatio?: number | AxisReference;
  /**
   * How far above 1 a ratio counts. Default: `clipRatio`, of dapo 0.28.
   */
  clipRatioHigh?: number | AxisReference;
  /**
   * Largest ratio that counts where the advantage is negative, more than 1; 0 is off. Default: 3.
   */
  dualClip?: number | AxisReference;
  /**
   * Clip range of the critic's values, of ppo. Default: 0.5.
   */
  valueClip?: number | AxisReference;
  /**
   * Whether advantages are whitened over the round. Default: true of ppo and reinforce_plus_plus, false of the others.
   */
  whiten?: boolean;
  /**
   * How the losses of tokens make the loss of a mini-batch, by verl's names; seq-mean-token-sum-norm is over `maxResponse`. Default: token-mean of ppo, dapo and reinforce_plus_plus, seq-mean-token-mean of grpo, seq-mean-token-sum-norm of dr_grpo, seq-mean-token-sum of rloo.
   */
  lossAggregation?:
    ('token-mean' | 'seq-mean-token-sum' | 'seq-mean-token-mean' | 'seq-mean-token-sum-norm') | AxisReference;
  /**
   * Where the KL to the parent counts: taken from each token's reward, added to the loss, or nowhere. Default: reward of ppo and reinforce_plus_plus, loss of grpo, off of the others.
   */
  kl?: ('reward' | 'loss' | 'off') | AxisReference;
  /**
   * How the KL is estimated at a token: k1 = ln p - ln p_parent, k2 half its square, k3 = p_parent / p - 1 + k1. Default: k1 in the reward, k3 in the loss.
   */
  klEstimator?: ('k1' | 'k2' | 'k3') | AxisReference;
  /**
   * Weight of the KL to the parent; 0 is off. Default: 0.001.
   */
  klCoef?: number | AxisReference;
  /**
   * Weight of the entropy bonus. Default: 0.
   */
  entropyCoef?: number | AxisReference;
  /**
   * Whether groups whose rewards are all equal are left out, and further prompts sampled in their place; of algorithms with groups. Default: true of dapo, false of the others.
   */
  dynamicSampling?: boolean;
  /**
   * How often a round samples at most under `dynamicSampling`; then it goes on with what there is. Default: 10.
   */
  maxSamplings?: number | string | AxisReference;
  /**
   * Tokens before `maxResponse` over which the reward of a response falls by `overlongPenalty`; 0 is off. Default: a fifth of `maxResponse` of dapo, 0 of the others.
   */
  overlongBuffer?: number | string | AxisReference;
  /**
   * What is taken from the reward of a response as long as `maxResponse`. Default: 1.
   */
  overlongPenalty?: number | AxisReference;
  /**
   * Decoupled weight decay. Default: 0.01.
   */
  weightDecay?: number | AxisReference;
  betas?: Betas8;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * Whether training ends, with the model as it is, once it has collapsed. Default: false.
   */
  stopOnCollapse?: boolean;
  /**
   * What matrices are multiplied in when the policy and the critic learn and are measured; responses are sampled in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * Seed of the order of prompts and of sampling. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
  allowOverlap?: AllowOverlap;
}
/**
 * A reward model (Bradley-Terry) that begins as its parent.
 */
export interface Reward {
  from: StageReference;
  allowUndecayed?: AllowUndecayed;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data: string;
  /**
   * How many pairs, the first of the set.
   */
  examples: number | string | AxisReference;
  /**
   * Passes over them. Default: 1.
   */
  epochs?: number | string | AxisReference;
  /**
   * Pairs in one optimizer step. Default: 32.
   */
  batch?: number | string | AxisReference;
  /**
   * Peak learning rate. Default: 3e-4.
   */
  lr?: number | AxisReference;
  /**
   * Learning rate of the last step. Default: 0.
   */
  minLr?: number | AxisReference;
  /**
   * Linear warm-up, a share of the steps. Default: 10%.
   */
  warmup?: number | string | AxisReference;
  /**
   * After warm-up: a cosine to `minLr`, or constant. Default: cosine.
   */
  schedule?: 'cosine' | 'constant';
  /**
   * Decoupled weight decay. Default: 0.
   */
  weightDecay?: number | AxisReference;
  /**
   * Which parameters decay: `all`, as in EvoLM, or `matrices`, which are all but the gains of norms, as in Hugging Face's trainer. Default: all.
   */
  weightDecayOn?: 'all' | 'matrices';
  betas?: Betas9;
  /**
   * Largest global gradient norm; 0 is off. Default: 1.
   */
  clip?: number | AxisReference;
  /**
   * What matrices are multiplied in: float32, or bfloat16 with weights, optimizer and sums in float32. Default: float32.
   */
  precision?: ('float32' | 'bfloat16') | AxisReference;
  /**
   * What trains: `descent`, the built-in trainer, or a framework that Descent drives: litgpt, trl, llama-factory, verl. Default: descent.
   */
  engine?: ('descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval') | string | AxisReference;
  /**
   * Weight of the squared sum of a pair's rewards, which keeps them around 0. Default: 0.
   */
  centerCoef?: number | AxisReference;
  /**
   * Seed of the order of pairs. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
  allowOverlap?: AllowOverlap;
}
/**
 * Responses of a model to problems, graded, as a data set. One of `from`, `endpoint`.
 */
export interface Generate {
  /**
   * The stage this one starts from, or one variant of it: `mid`, `mid@replay=20%`.
   */
  from?: string;
  /**
   * The name of a model at an OpenAI-compatible server, in place of `from`. Its address and key are in the environment of the worker: OPENAI_BASE_URL, OPENAI_API_KEY.
   */
  endpoint?: string;
  /**
   * A data set by name, or a part of one: `math`, `math/problems`; or a stage that generates or builds one.
   */
  data: string;
  /**
   * Which of them, and what the responses are for. Default: sft.
   */
  split?: 'sft' | 'rl';
  /**
   * How many, the first of the split.
   */
  problems: number | string | AxisReference;
  /**
   * Responses a problem. Default: 1.
   */
  samples?: number | string | AxisReference;
  /**
   * Of sampling; 0 is greedy. Default: 1.
   */
  temperature?: number | AxisReference;
  /**
   * Nucleus sampling, more than 0. Default: 1, which is off.
   */
  topP?: number | string | AxisReference;
  /**
   * Longest response. Default: 32.
   */
  maxResponse?: number | string | AxisReference;
  /**
   * Seed of sampling. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
}
/**
 * A data set made of others by one operation: one of `correct`, `agree`, `dedupe`, `decontaminate`, `split`, `pairs`.
 */
export interface Build {
  /**
   * What it is made of: data sets of files, or stages that generate or build some. Several only of `agree` and `dedupe`.
   */
  data: DataReference | [DataReference, ...DataReference[]];
  /**
   * Responses that are right, each different one once (rejection sampling).
   */
  correct?: true;
  /**
   * Problems on which at least so many of the sets, which are responses of a model each, have one answer.
   */
  agree?: number | string | AxisReference;
  /**
   * Each problem once: by its prompt, or also where it has 13 words in a row in common with an earlier one.
   */
  dedupe?: 'prompt' | 'grams';
  /**
   * Problems that have neither their prompt nor 13 words in a row in common with the test problems of these data sets, the first 100,000 of each.
   *
   * @minItems 1
   */
  decontaminate?: [DataReference, ...DataReference[]];
  /**
   * All problems parted anew into those for SFT and those for RL: counts, or shares of at most 100 % together.
   */
  split?: {
    /**
     * For SFT.
     */
    sft: number | string | AxisReference;
    /**
     * For RL.
     */
    rl: number | string | AxisReference;
  };
  /**
   * Of `split`: SFT has the first and RL the last, or as the seed draws. Default: given.
   */
  order?: 'given' | 'random';
  /**
   * Pairs of a right and a wrong response to one problem, at most so many of each problem.
   */
  pairs?: number | string | AxisReference;
  /**
   * Seed of what is drawn. Default: the value of the axis of seeds, else 0.
   */
  seed?: number | AxisReference;
}
/**
 * Values of axes, by the axes' names: {replay: 0%, seed: 3}.
 */
export interface Setting {
  [k: string]: number | string;
}
export interface Evaluate {
  /**
   * The stages whose models are evaluated, by name or by signature; `all` is every one that leaves a language model.
   */
  each: 'all' | [StageName, ...StageName[]];
  /**
   * `heldout`: loss on text kept aside, of every data set that some pretrain or cpt learns from. `id`: the test split of every problem set that some sft or rl learns from. `ood`: the kinds of problems that ship and that no stage learns from. `upstream`: which of several continuations is likeliest, of generators that ship. What `data` declares for a suite, by `suite` or as a benchmark, takes the place of these.
   *
   * @minItems 1
   */
  suites: [Name, ...Name[]];
  /**
   * Problems a task, or all where there are fewer; of upstream items. Default: 200.
   */
  problems?: number | string | AxisReference;
  /**
   * Sampled responses a problem, for Pass@k; 0 for greedy only. Default: 4.
   */
  samples?: number | string | AxisReference;
  /**
   * Of the sampled responses. Default: 1.
   */
  temperature?: number | AxisReference;
  /**
   * Longest response. Default: 32.
   */
  maxResponse?: number | string | AxisReference;
  /**
   * The stage this one starts from, or one variant of it: `mid`, `mid@replay=20%`.
   */
  rewardModel?: string;
  /**
   * Makes tokens of the prompt and of the response so far less likely: before the temperature their scores are divided by it where above 0, else multiplied (Keskar et al. 2019), of greedy and of sampled responses. Default: 1, which is off.
   */
  repetitionPenalty?: number | AxisReference;
  /**
   * Strings that end a response where the first of them stands; neither it nor what comes after is part of the response. Default: none.
   *
   * @minItems 1
   */
  stop?: [string, ...string[]];
  /**
   * What evaluates: `descent`, the built-in trainer, or a framework that Descent drives: lm-eval, which has no `heldout`. Default: descent.
   */
  engine?: 'descent' | 'litgpt' | 'trl' | 'llama-factory' | 'verl' | 'lm-eval';
  /**
   * Tokens a domain for held-out loss. Default: 16K.
   */
  heldoutTokens?: number | string | AxisReference;
  /**
   * Seed of sampling. Default: 0.
   */
  seed?: number;
}
export interface Placement {
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  device?: string;
  /**
   * Steps between checkpoints. Default: about every minute.
   */
  checkpointEvery?: number;
  /**
   * Of pretrain, cpt and sft: keep only the input of each block for the backward pass, and compute the rest of it again there. Takes less memory and more time, and leaves the same bytes. Default: false.
   */
  recomputeActivations?: boolean;
  /**
   * Longest time for one attempt: 30m, 12h, 7d. Default: 30d.
   */
  timeout?: string;
}
export interface Moved {
  /**
   * What it was called: `base`, `axis:replay`, `data:notes`, `tokenizer:words`.
   */
  from: string;
  /**
   * What it is called in this file.
   */
  to: string;
}
export interface Accept {
  /**
   * The node's address, as `descent plan` shows it: `base@seed=1`.
   */
  node: string;
  /**
   * The key that it keeps: 12 digits of 0-9 and a-f or more, as `descent show` has it.
   */
  key: string;
  /**
   * The key that the node has by itself, of which 12 digits or more: the declaration that the entry holds for. Needed; `descent plan` says what to write where it is missing.
   */
  instead?: string;
  /**
   * Why the artifact still stands for the node, in words.
   */
  reason: string;
}
/**
 * A claim, what it compares, and how its verdict is found: `contrast` or `trend`.
 */
export interface Takeaway {
  /**
   * What is claimed, in a sentence.
   */
  claim: string;
  contrast?: Contrast;
  trend?: Trend;
  /**
   * A suite and a figure of it, with a task between them or the mean of all: `id.pass@1`, `heldout.web.loss`. Of several, the claim has to hold of each.
   */
  metric: MetricName | [MetricName, ...MetricName[]];
  /**
   * Of a contrast: what is claimed of the figure of its first arm. Default: higher, of loss, perplexity and truncated lower.
   */
  direction?: 'higher' | 'lower';
  /**
   * How a contrast is tested: `t` over seeds and problems, a bootstrap of both, or all signs of the seeds' differences. Default: t.
   */
  test?: 't' | 'bootstrap' | 'permutation';
  /**
   * Chance of a wrong claim that is put up with. Default: 0.05.
   */
  alpha?: number;
  /**
   * Seeds that each arm needs at least. Default: 3.
   */
  seeds?: number;
  /**
   * How p is corrected for all that the file's takeaways test. Default: holm.
   */
  correction?: 'holm' | 'benjamini-hochberg' | 'none';
}
/**
 * The two arms that are compared: values of an axis, {axis: replay, of: 5%, over: 0%}, or nodes, {of: tuned@lr=1e-3, over: tuned@lr=1e-4}; or use `trend`.
 */
export interface Contrast {
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  axis?: string;
  /**
   * A stage, by its name or by its signature: mid, 1B-160BT-8+42BT.
   */
  stage?: string;
  /**
   * The arm that the claim is about.
   */
  of: string | number;
  /**
   * The arm that it is compared with.
   */
  over: string | number;
  /**
   * What else may differ between the arms: axes, fields of a stage such as `lr` (`mix` stands for `mix.replay` too), and stages. Default: none.
   *
   * @minItems 1
   */
  also?: [string, ...string[]];
}
/**
 * How the figure follows an axis, in place of `contrast`: {axis: tokens, direction: up}. Values that are no numbers count in the order of the file.
 */
export interface Trend {
  /**
   * A name: a letter, then letters, digits, `_` or `-`.
   */
  axis: string;
  /**
   * A stage, by its name or by its signature: mid, 1B-160BT-8+42BT.
   */
  stage?: string;
  /**
   * What is claimed: it rises, falls, stays `within` a margin, or rises and has levelled off before the last of four values or more.
   */
  direction: 'up' | 'down' | 'flat' | 'saturates';
  /**
   * With `flat`: the largest change from the first value that is called none, in the figure's unit.
   */
  within?: number;
  /**
   * With `saturates`: what of the rise may be left. Default: 5%.
   */
  share?: number | string;
  /**
   * What else may differ between its values: axes, fields of a stage such as `lr`, and stages. Default: none.
   *
   * @minItems 1
   */
  also?: [string, ...string[]];
}
/**
 * What a lineage may cost: any of tokens, flops and hours.
 */
export interface Budget {
  /**
   * Tokens that are trained on, all nodes together: 40M. Default: no limit.
   */
  tokens?: number | string | AxisReference;
  /**
   * Floating-point operations, all nodes together: 1e18. Default: no limit.
   */
  flops?: number | AxisReference;
  /**
   * Device hours, all nodes together. Judged where the speed of the devices is known, measured or stated in temporal.config. Default: no limit.
   */
  hours?: number | AxisReference;
}
