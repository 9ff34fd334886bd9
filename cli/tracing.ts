import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type ContextManager,
  context,
  type Context as OtelContext,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { ClientOptions } from '@temporalio/client';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { InjectedSinkFunction, WorkerOptions } from '@temporalio/worker';
import type { WorkflowInfo } from '@temporalio/workflow';
import { tracingModule } from './workflow-code.ts';

/** What a process that may be traced does for it. `noTracing` does nothing. */
export interface Tracing {
  interceptors: NonNullable<ClientOptions['interceptors']>;
  worker: Pick<WorkerOptions, 'interceptors' | 'sinks'>;
  /** Runs `work` under a span of its own. Rejects as it does. */
  during<T>(name: string, attributes: Record<string, string | number>, work: () => Promise<T>): Promise<T>;
  /** Sends what is not sent yet, for at most five seconds. Never rejects. */
  close(): Promise<void>;
}

/** Longest wait for a collector: for one batch, and at the end for all of them. */
const patienceMs = { batch: 3000, end: 5000 };

/**
 * Sends spans of this process and of the workflows it serves to a collector, as JSON by OTLP over HTTP. OpenTelemetry's
 * globals are set until `close`. `tell` is told once, when the collector takes nothing.
 */
export function startTracing(url: string, tell: (text: string) => void): Tracing {
  const resource = Resource.default().merge(
    new Resource({ 'service.name': process.env.OTEL_SERVICE_NAME ?? 'descent' }),
  );
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: patienceMs.batch });
  const processor = new BatchSpanProcessor(tellingOnce(exporter, url, tell), {
    scheduledDelayMillis: 1000,
    exportTimeoutMillis: patienceMs.end,
  });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  provider.register({ contextManager: contextOfCalls() });
  const tracer = provider.getTracer('descent');
  const calls = new OpenTelemetryWorkflowClientInterceptor({ tracer });
  const spans = makeWorkflowExporter(processor, resource).export as InjectedSinkFunction<(...ended: unknown[]) => void>;
  return {
    interceptors: {
      // Looking at a lineage, which who follows it does every second, is no part of what happened.
      workflow: [
        {
          signalWithStart: (input, next) => calls.signalWithStart(input, next),
          signal: (input, next) => calls.signal(input, next),
          cancel: (input, next) => calls.cancel(input, next),
        },
      ],
    },
    worker: {
      interceptors: {
        workflowModules: [tracingModule],
        activity: [(activity) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(activity, { tracer }) })],
      },
      sinks: {
        exporter: {
          export: {
            ...spans,
            // Of all that Temporal knows of a workflow only what finds it: memos and results have no business in a trace.
            fn: ({ workflowId, runId, workflowType, taskQueue }, ...ended) =>
              spans.fn({ workflowId, runId, workflowType, taskQueue } as WorkflowInfo, ...ended),
          },
        },
      },
    },
    during: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          span.setStatus({
            code: SpanStatusCode.ERROR,
            message: error instanceof Error ? error.message : String(error),
          });
          throw error;
        } finally {
          span.end();
        }
      }),
    async close() {
      let late: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => {
        late = setTimeout(resolve, patienceMs.end);
      });
      // Whoever listens has been told of a collector that takes nothing.
      await Promise.race([provider.shutdown().catch(() => undefined), patience]);
      clearTimeout(late);
      for (const global of [trace, context, propagation]) global.disable();
    },
  };
}

/** The exporter, which says the first time that it cannot deliver. Says the host only: a URL may hold a password. */
function tellingOnce(exporter: SpanExporter, url: string, tell: (text: string) => void): SpanExporter {
  let told = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0 && !told) {
          told = true;
          const why = (result.error as NodeJS.ErrnoException | undefined)?.code ?? result.error?.message;
          tell(
            `the OpenTelemetry collector at ${new URL(url).host} takes no traces${why ? ` (${why})` : ''}; the run goes on`,
          );
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

/** OpenTelemetry's context along asynchronous calls, as Node keeps it. */
function contextOfCalls(): ContextManager {
  const storage = new AsyncLocalStorage<OtelContext>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (within, work, self, ...args) => storage.run(within, () => work.apply(self as never, args)),
    bind: (within, target) =>
      typeof target === 'function'
        ? (((...args: unknown[]) => storage.run(within, () => target(...args))) as typeof target)
        : target,
    enable: () => manager,
    disable() {
      storage.disable();
      return manager;
    },
  };
  return manager;
}
