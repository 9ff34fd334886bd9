/**
 * What tells one algorithm of reinforcement learning from another. The loop is the same for all of them (`learner.ts`): a
 * round's episodes are measured, an algorithm estimates advantages, and mini-batches of them update the policy, and the
 * critic where there is one.
 */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import type { Episode } from './episode.ts';

/** Figures of the response tokens of a round: an array an episode, a number a token, no padding. */
export type PerToken = Float32Array[];

/** A round before its first update. */
export interface Round {
  episodes: readonly Episode[];
  /** ln p of each token under the policy that sampled it. Without a reference and where a round is one update, it may not have been measured: then as it was sampled. */
  logProbs: PerToken;
  /** The same under the policy's parent, where the algorithm compares with it. */
  referenceLogProbs: PerToken | undefined;
}

/** What an algorithm makes of a round. */
export interface Estimates {
  advantages: PerToken;
  /** Of the round, by name, among the step's metrics. */
  metrics: Record<string, number>;
}

/** Tokens of a mini-batch, or of a part of one, as the policy's loss sees them: all [N], padding among them. */
export interface PolicyTokens {
  /** Under the policy as it is. What the gradient flows to, together with `entropies`. */
  logProbs: Tensor1D;
  /** Of the distributions that the tokens were drawn from, in nats. */
  entropies: Tensor1D;
  /** Under the policy that sampled. */
  oldLogProbs: Tensor1D;
  referenceLogProbs: Tensor1D | undefined;
  advantages: Tensor1D;
}

/** The loss of each token, and figures beside it that are reported: all [N]. What stands in padding does not matter, as long as it is finite. */
export type TokenLosses = { loss: Tensor1D; [figure: string]: Tensor1D };

/** What of an algorithm is the policy's. */
export interface PolicyLearning {
  /** Whether the policy is compared with its parent, which is then kept. */
  comparesWithParent: boolean;
  /** The weight of a token in the losses of policy and critic, for each response of a mini-batch, by all their lengths. */
  lossWeights(lengths: readonly number[]): number[];
  /** The loss of the policy, to be minimised, of tensors alone. */
  policyLoss(tokens: PolicyTokens): TokenLosses;
}

/** An algorithm whose advantages follow from rewards alone. */
export interface CriticFree extends PolicyLearning {
  critic?: undefined;
  estimate(round: Round): Estimates;
}

/** An algorithm with a critic, which learns the returns of each token. */
export interface ActorCritic extends PolicyLearning {
  critic: {
    /** Its peak learning rate. */
    lr: number;
    /** The loss of each token, [N], of its value, its value before the round, and its return. Of tensors alone. */
    loss(values: Tensor1D, oldValues: Tensor1D, returns: Tensor1D): Tensor1D;
  };
  estimate(round: Round & { values: PerToken }): Estimates & { returns: PerToken };
}

export type Algorithm = ActorCritic | CriticFree;
