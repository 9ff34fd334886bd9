import { code, page, table } from './markdown.ts';

/** A variable of the environment that somebody may set. */
interface Variable {
  name: string;
  /** What holds where it is not set. */
  without: string;
  what: string;
}

/** Variables that are set for one purpose, in Markdown. */
interface Group {
  title: string;
  intro?: string;
  variables: readonly Variable[];
}

/** Every variable that Descent reads, or that what it builds on reads for it. */
export const environment: readonly Group[] = [
  {
    title: 'Descent',
    variables: [
      {
        name: 'DESCENT_HOME',
        without: '`.descent` in the working folder',
        what: 'The home: where models, results and state are kept. `--home` goes before it.',
      },
      {
        name: 'DESCENT_DEVICE',
        without: '`gpu` where there is one, else the first class',
        what: 'The device class that stages with `device: auto` run on; `--device` goes before it. Of set-up what it is for: `auto`, `cpu` or `gpu`.',
      },
      {
        name: 'DESCENT_TEMPORAL_CONFIG',
        without: '`temporal.config.json`, `.mjs` or `.js` in the working folder',
        what: 'The file with the [configuration](../execution.md#which-temporal).',
      },
      {
        name: 'DESCENT_MACHINE',
        without: 'its host name',
        what: 'What this machine is called, where [several share a host name](../how-to/your-cluster.md#start-it).',
      },
    ],
  },
  {
    title: 'The terminal',
    variables: [
      { name: 'NO_COLOR', without: '', what: 'No colours, as `--no-color`.' },
      {
        name: 'FORCE_COLOR',
        without: 'on a terminal',
        what: 'Colours in a pipe too; `0` for none.',
      },
      { name: 'TERM', without: '', what: '`dumb` is a terminal without colours and without the live view.' },
      { name: 'CI', without: '', what: 'Lines in place of the live view.' },
    ],
  },
  {
    title: 'Set-up',
    intro: 'npm and pip, with which it downloads, read their own.',
    variables: [
      {
        name: 'XDG_CACHE_HOME',
        without: '`~/.cache`',
        what: 'The folder in which `descent/` has what is downloaded and built once for all checkouts.',
      },
      { name: 'CXX', without: '`g++`, `c++` or `clang++`', what: 'The C++ compiler.' },
      { name: 'DESCENT_DEBUG', without: '', what: '`1` shows what is underneath a failure, as `--debug`.' },
    ],
  },
  {
    title: 'GPUs',
    intro: 'Where they are set for a worker, its trainers have them. [GPUs](../gpu.md) has what Descent sets itself.',
    variables: [
      {
        name: 'CUDA_VISIBLE_DEVICES',
        without: 'all',
        what: 'The GPUs that a worker hands out; empty or `-1` hides all.',
      },
      { name: 'CUDA_DEVICE_ORDER', without: '`PCI_BUS_ID`', what: 'How the driver numbers them.' },
    ],
  },
  {
    title: 'The Hugging Face Hub',
    intro: 'As its own libraries read them, [where the worker is started](../lineage-file.md#adopt).',
    variables: [
      { name: 'HF_ENDPOINT', without: '`https://huggingface.co`', what: 'A mirror of it.' },
      { name: 'HF_TOKEN', without: '', what: 'Your token, for what is gated or private. No trainer is handed it.' },
      { name: 'HF_HUB_OFFLINE', without: '', what: '`1`: nobody is asked, and what was downloaded before is taken.' },
      { name: 'TRANSFORMERS_OFFLINE', without: '', what: 'The same, where `HF_HUB_OFFLINE` is not set.' },
      { name: 'HF_HUB_CACHE', without: '`hub` in `HF_HOME`', what: 'What `hf download` brought; it is read only.' },
      { name: 'HUGGINGFACE_HUB_CACHE', without: '', what: 'The same, where `HF_HUB_CACHE` is not set.' },
      { name: 'HF_HOME', without: '`huggingface` in `XDG_CACHE_HOME`', what: 'The folder of that.' },
      {
        name: 'HF_HUB_DOWNLOAD_TIMEOUT',
        without: '10',
        what: 'Seconds without a byte after which a server counts as gone.',
      },
    ],
  },
  {
    title: 'Object storage',
    intro:
      "As Amazon's own tools read them, with `~/.aws` and a machine's role after them; [what is kept where](../storage.md) is in `temporal.config`. No trainer is handed any of them.",
    variables: [
      { name: 'AWS_ACCESS_KEY_ID', without: 'that of the profile, or of the machine', what: 'Who asks.' },
      { name: 'AWS_SECRET_ACCESS_KEY', without: '', what: 'The key of who asks. It is never sent.' },
      { name: 'AWS_SESSION_TOKEN', without: '', what: 'The token of credentials that expire.' },
      { name: 'AWS_PROFILE', without: '`default`', what: 'The profile in `~/.aws`.' },
      {
        name: 'AWS_REGION',
        without: 'that of the profile',
        what: 'The region; `region` in `temporal.config` goes before it.',
      },
      {
        name: 'AWS_ENDPOINT_URL_S3',
        without: "Amazon's",
        what: 'The server, as `http://host:9000`; `endpoint` in `temporal.config` goes before it.',
      },
    ],
  },
  {
    title: 'Models at an endpoint',
    intro: 'Of [`generate` with `endpoint`](../data.md#operations), where the worker is started.',
    variables: [
      {
        name: 'OPENAI_BASE_URL',
        without: '',
        what: 'The address of the OpenAI-compatible server, such as `http://localhost:8000/v1`.',
      },
      { name: 'OPENAI_API_KEY', without: '', what: 'Its key; over plain http it is sent to this machine alone.' },
    ],
  },
  {
    title: 'Temporal',
    intro: 'As its own command line reads them; [they go before `temporal.config`](../execution.md#which-temporal).',
    variables: [
      { name: 'TEMPORAL_ADDRESS', without: "a server of the home's own", what: 'The server, as `host:7233`.' },
      { name: 'TEMPORAL_NAMESPACE', without: '`default`', what: 'The namespace.' },
      { name: 'TEMPORAL_API_KEY', without: '', what: 'The key of Temporal Cloud.' },
      { name: 'TEMPORAL_TLS', without: '', what: 'Whether TLS is spoken.' },
      { name: 'TEMPORAL_TLS_SERVER_NAME', without: '', what: 'The name in its certificate.' },
      { name: 'TEMPORAL_TLS_SERVER_CA_CERT_PATH', without: '', what: 'Who has signed that: a file.' },
      { name: 'TEMPORAL_TLS_SERVER_CA_CERT_DATA', without: '', what: 'The same, as text.' },
      { name: 'TEMPORAL_TLS_CLIENT_CERT_PATH', without: '', what: "The client's certificate: a file." },
      { name: 'TEMPORAL_TLS_CLIENT_CERT_DATA', without: '', what: 'The same, as text.' },
      { name: 'TEMPORAL_TLS_CLIENT_KEY_PATH', without: '', what: 'Its key: a file.' },
      { name: 'TEMPORAL_TLS_CLIENT_KEY_DATA', without: '', what: 'The same, as text.' },
      { name: 'TEMPORAL_CONFIG_FILE', without: '', what: 'A `temporal.toml` to read the above from.' },
      { name: 'TEMPORAL_PROFILE', without: '`default`', what: 'The profile in it.' },
    ],
  },
  {
    title: 'Traces and metrics',
    intro: '[What goes to a collector](../execution.md#traces-and-metrics), by OTLP over HTTP.',
    variables: [
      {
        name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
        without: '`otlpEndpoint` of `temporal.config`',
        what: 'The collector, as `http://host:4318`.',
      },
      { name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', without: '`v1/traces` below that', what: 'For traces alone.' },
      { name: 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', without: '`v1/metrics` below that', what: 'For metrics alone.' },
      { name: 'OTEL_EXPORTER_OTLP_HEADERS', without: '', what: 'What is sent along, such as its key.' },
      { name: 'OTEL_SERVICE_NAME', without: '`descent`', what: 'The name that they stand under.' },
      { name: 'OTEL_SDK_DISABLED', without: '', what: '`true` sends nothing.' },
    ],
  },
];

/** docs/reference/environment.md. */
export function environmentPage(): string {
  const intro =
    'Every variable of the environment that Descent reads. What decides a result is in none of them: that is in the lineage file. Those of tests and benchmarks are in [CONTRIBUTING](../../CONTRIBUTING.md).';
  const sections = environment.map(({ title, intro: told, variables }) => {
    const rows = variables.map(({ name, without, what }) => [code(name), without, what]);
    return [`## ${title}`, ...(told ? [told] : []), table(['variable', 'without it', ''], rows)].join('\n\n');
  });
  return page('Environment variables', intro, sections);
}
