import type { StartedEvent } from '../../schemas/types/event.ts';
import type { Answer, Answers, Question } from './answers.ts';

/** Who answers: a checkpoint, or an endpoint. */
export interface Answerer {
  engine: Pick<StartedEvent, 'device' | 'hardware' | 'engine'>;
  /**
   * Asks for what is not among the answers yet, and keeps it there as it comes. Returns when all is there, or soon after it
   * was stopped.
   */
  answer(questions: readonly Question[], answers: Answers, watch: Watch): Promise<void>;
}

/** What an answerer is told, and tells. */
export interface Watch {
  stopped(): boolean;
  /** Some more are on the disk. */
  onAnswers(answered: readonly Answer[]): void;
}
