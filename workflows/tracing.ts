import { type Context, context, trace } from '@opentelemetry/api';
import {
  OpenTelemetryInboundInterceptor,
  OpenTelemetryInternalsInterceptor,
  OpenTelemetryOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry/lib/workflow/index.js';
import type { WorkflowInterceptors } from '@temporalio/workflow';

/**
 * Spans of what workflows do, in the bundle of a worker that is traced. Queries have none: who follows a lineage asks
 * every second. What a signal leads to is shown beneath the workflow that was told, and not beneath who told it. Changes
 * no command, so a history goes on whether the worker before was traced or not.
 */
export function interceptors(): WorkflowInterceptors {
  const inbound = new OpenTelemetryInboundInterceptor();
  let own: Context | undefined;
  return {
    inbound: [
      { execute: (input, next) => inbound.execute(input, next) },
      {
        execute(input, next) {
          const [{ address, lineage } = {}] = input.args as [{ address?: string; lineage?: string }?];
          const span = trace.getActiveSpan();
          if (address !== undefined) span?.setAttribute('descent.node', address);
          if (lineage !== undefined) span?.setAttribute('descent.lineage', lineage);
          own = context.active();
          return next(input);
        },
        handleSignal: (input, next) => (own === undefined ? next(input) : context.with(own, () => next(input))),
      },
    ],
    outbound: [new OpenTelemetryOutboundInterceptor()],
    internals: [new OpenTelemetryInternalsInterceptor()],
  };
}
