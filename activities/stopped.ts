import type { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

/**
 * What Temporal is told of an activity that did not fail but was stopped: to try again at once, with a sentence on how it
 * stands, where that was for another reason than that nobody wants it any more.
 */
export function stopped({ cancellationDetails, info }: Context, message: string): Error {
  if (cancellationDetails?.workerShutdown || cancellationDetails?.paused || cancellationDetails?.reset)
    return ApplicationFailure.create({ type: 'stopped', message, nextRetryDelay: '100 milliseconds' });
  return new CancelledFailure(`${info.activityType} was cancelled`);
}
