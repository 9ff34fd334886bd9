import type { TemporalConfig } from '../temporal.config.ts';
import { CommandError } from './failure.ts';
import type { Tracing } from './tracing.ts';

/** Where an OpenTelemetry collector takes what it is sent by OTLP over HTTP; null for what is not sent. */
export interface Collector {
  traces: string | null;
  metrics: string | null;
}

const noTracing: Tracing = {
  interceptors: {},
  worker: {},
  during: (_name, _attributes, work) => work(),
  close: async () => {},
};

/**
 * The collector that is configured: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and `..._METRICS_ENDPOINT` as they are, else
 * `/v1/traces` and `/v1/metrics` below `OTEL_EXPORTER_OTLP_ENDPOINT`, else below `otlpEndpoint` of the configuration.
 * `OTEL_SDK_DISABLED=true` is nothing of it. Throws a CommandError for what is no URL.
 */
export function collectorOf(config: TemporalConfig, env: NodeJS.ProcessEnv): Collector {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return { traces: null, metrics: null };
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT
    ? urlOf('OTEL_EXPORTER_OTLP_ENDPOINT', env.OTEL_EXPORTER_OTLP_ENDPOINT)
    : config.otlpEndpoint;
  const below = (path: string): string | null => (base === undefined ? null : `${base.replace(/\/+$/, '')}/${path}`);
  const named = (name: string): string | null => (env[name] ? urlOf(name, env[name]) : null);
  return {
    traces: named('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? below('v1/traces'),
    metrics: named('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT') ?? below('v1/metrics'),
  };
}

/**
 * Begins to trace what this process does, where a collector for traces is configured: once a process. `tell` gets one
 * sentence when the collector takes nothing; the work goes on.
 */
export async function openTracing(
  config: TemporalConfig,
  env: NodeJS.ProcessEnv,
  tell: (text: string) => void,
): Promise<Tracing> {
  const { traces } = collectorOf(config, env);
  // Of a command that is not traced, loading OpenTelemetry would be a part that one waits for.
  return traces === null ? noTracing : (await import('./tracing.ts')).startTracing(traces, tell);
}

function urlOf(name: string, value: string): string {
  if (/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : '')) return value;
  // The value is not shown: it may have a password in it.
  throw new CommandError(`${name} is no URL`, 'write http://host:4318, or https:// (OTLP over HTTP), or unset it');
}
