import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Context, ExitCode } from './context.ts';

/**
 * The command line: every verb with its options, help and example. A verb's own file is loaded when it is called, so
 * that `--help` costs nothing. `finish` gets the verb's exit code. Throws CommanderError after it has printed what is
 * wrong with the command line itself, and for `--help` and `--version`.
 */
export function buildProgram(outer: Context, finish: (exitCode: ExitCode) => void): Command {
  const program = new Command('descent');
  program
    .description(
      'Runs language-model training lineages - pretraining, fine-tuning, RL, preferences, the data that models make for them, and every evaluation - from one YAML file.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .option('--home <folder>', 'where models, results and state are kept (default: DESCENT_HOME, else .descent)')
    .option('--no-color', 'no colours (NO_COLOR works too)')
    .option('--debug', 'show stack traces')
    .helpOption('-h, --help', 'print this help')
    .usage('<verb> [options]')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: outer.terminal.out,
      writeErr: outer.terminal.err,
      outputError: (text, write) => write(text.replace(/^error:/, outer.terminal.errorColours.red('error:'))),
    })
    .exitOverride()
    .addHelpText(
      'after',
      example('descent init my-lineage', 'descent plan my-lineage/lineage.yaml', 'descent run my-lineage/lineage.yaml'),
    );

  /** What a verb is handed: the outer context with the global options applied. */
  const context = (): Context => {
    const { home } = program.opts<{ home?: string }>();
    return home === undefined ? outer : { ...outer, env: { ...outer.env, DESCENT_HOME: resolve(outer.cwd, home) } };
  };

  program.commandsGroup('Lineage files:');

  program
    .command('init')
    .argument('[folder]', 'where to write it', '.')
    .description('Write a commented lineage file to start from')
    .addHelpText('after', example('descent init my-lineage'))
    .action(async (folder) => finish(await (await import('./init.ts')).init(folder, context())));

  program
    .command('validate')
    .argument('<file...>', 'lineage files')
    .description('Check lineage files, and say at which line and column what is wrong')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', example('descent validate lineage.yaml'))
    .action(async (files, options) =>
      finish(await (await import('./validate.ts')).validate(files, options, context())),
    );

  program
    .command('plan')
    .argument('<file>', 'lineage file')
    .description('Show what would run, and why; nothing is started')
    .option('--json', 'print the plan as JSON')
    .option('--select <selector>', 'only these nodes, for example `rl+` or `seed:2`; may be repeated', collect)
    .option('--force <selector>', 'run these nodes again, though they are done; may be repeated', collect)
    .option('-o, --output <file>', 'write the plan to a JSON file, for `run --plan`')
    .option('--detailed-exitcode', 'exit with 2 when something would run, 0 when nothing would')
    .addHelpText(
      'after',
      example(
        'descent plan lineage.yaml',
        'descent plan lineage.yaml --select stage:mid,seed:2 --select rl',
        'descent plan lineage.yaml --json --detailed-exitcode',
        'descent plan lineage.yaml -o plan.json',
      ),
    )
    .action(async (file, options) => finish(await (await import('./plan.ts')).plan(file, options, context())));

  program
    .command('graph')
    .argument('<file>', 'lineage file')
    .description('Draw what needs what, with its verdicts; nothing is started')
    .addOption(
      new Option('--format <format>', 'a tree to read, or a graph for Mermaid or Graphviz')
        .choices(['text', 'mermaid', 'dot'])
        .default('text'),
    )
    .addOption(new Option('--json', 'print nodes and edges as JSON').conflicts('format'))
    .option('--select <selector>', 'only these nodes, for example `rl+` or `seed:2`; may be repeated', collect)
    .addHelpText(
      'after',
      example(
        'descent graph lineage.yaml',
        'descent graph lineage.yaml --select +rl@seed=2',
        'descent graph lineage.yaml --format dot | dot -Tsvg -o lineage.svg',
      ),
    )
    .action(async (file, options) => finish(await (await import('./graph.ts')).graph(file, options, context())));

  program
    .command('why')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show whether a node would run and what decides it: every change since it was run last, and its key')
    .option('--file <lineage file>', 'the file to look in; without it, the files of the lineages that were run')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent why rl', 'descent why tuned@lr=1e-5 --file lineage.yaml'))
    .action(async (node, options) => finish(await (await import('./why.ts')).why(node, options, context())));

  program
    .command('diff')
    .argument('<a>', 'a node, or a lineage: its name, its file, or a plan')
    .argument('<b>', 'what to compare it with')
    .description('Show where two nodes or two lineages part, and which fields make them differ')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      example(
        'descent diff mid@replay=0% mid@replay=10%',
        'descent diff old.yaml:rl new.yaml:rl',
        'descent diff quickstart lineage/quickstart.yaml',
      ),
    )
    .action(async (a, b, options) => finish(await (await import('./diff.ts')).diff(a, b, options, context())));

  program.commandsGroup('Runs:');

  program
    .command('run')
    .argument('[file]', 'lineage file')
    .description(
      'Run what is not done yet, follow it, and show what came out; Ctrl-C saves and stops, and `run` goes on',
    )
    .option('--device <class>', 'where stages with `device: auto` run: cpu, gpu, or a class of temporal.config')
    .addOption(new Option('--plain', 'lines instead of a live view').conflicts('json'))
    .option('--json', 'one JSON object a line for each thing that happens')
    .option(
      '--select <selector>',
      'run these nodes and what they need, and nothing else of the file, for example `rl/id` or `seed:2`; may be repeated',
      collect,
    )
    .option('--force <selector>', 'run these nodes again, though they are done; may be repeated', collect)
    .option('--plan <file>', 'in place of a lineage file: run exactly what `plan -o` wrote, or refuse')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .option('--fail-fast', 'end at the first node that fails; without it, all goes on that does not need it')
    .addHelpText(
      'after',
      example(
        'descent run lineage.yaml',
        'descent run lineage.yaml --device gpu --plain',
        'descent run lineage.yaml --select tuned@seed=2',
        'descent run lineage.yaml --force base@seed=1',
        'descent run --plan plan.json',
      ),
    )
    .action(async (file, options) => finish(await (await import('./run.ts')).run(file, options, context())));

  program
    .command('status')
    .argument('[lineage]', 'name of a lineage; without it, every lineage of this home')
    .description('Show what is running and what is finished')
    .option('-w, --watch', 'show it again whenever it changes, until nothing runs any more')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent status', 'descent status quickstart', 'descent status quickstart -w'))
    .action(async (lineage, options) =>
      finish(await (await import('./status.ts')).status(lineage, options, context())),
    );

  program
    .command('logs')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show what the trainer of a node said, a line an event, and what it wrote on standard error')
    .option('-f, --follow', 'go on until the node is done or has failed')
    .addOption(new Option('-n, --lines <number>', 'only the last lines of what is there').argParser(wholeNumber))
    .addOption(new Option('--attempt <number>', 'another attempt than the newest').argParser(wholeNumber))
    .option('--lineage <name>', 'the lineage to look in, where several know the address')
    .option('--json', 'print the events as they are, one JSON object a line')
    .addHelpText('after', example('descent logs rl', 'descent logs mid@replay=10% -f -n 20'))
    .action(async (node, options) => finish(await (await import('./logs.ts')).logs(node, options, context())));

  program
    .command('cancel')
    .argument('[subject]', 'a lineage or a training node that runs; without it, the one lineage that does')
    .description('End a lineage or a training: checkpoints are saved, and `descent run` goes on from them')
    .addHelpText('after', example('descent cancel quickstart', 'descent cancel mid@replay=10%'))
    .action(async (subject) => finish(await (await import('./control.ts')).cancel(subject, context())));

  program
    .command('pause')
    .argument('[subject]', 'a lineage or a training node that runs; without it, the one lineage that does')
    .description('Save checkpoints and free the devices, until `unpause`')
    .addHelpText('after', example('descent pause quickstart', 'descent pause mid@replay=10%'))
    .action(async (subject) => finish(await (await import('./control.ts')).pause(subject, context())));

  program
    .command('unpause')
    .argument('[subject]', 'a lineage or a training node that was paused; without it, the one lineage that runs')
    .description('Go on with what was paused, from its newest checkpoints')
    .addHelpText('after', example('descent unpause quickstart'))
    .action(async (subject) => finish(await (await import('./control.ts')).unpause(subject, context())));

  program.commandsGroup('Results:');

  program
    .command('show')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show one node: recipe, parents, attempts, files, evaluations, provenance')
    .option('--lineage <name>', 'the lineage to look in, where several know the address')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent show mid@replay=10%', 'descent show a41f09 --json'))
    .action(async (node, options) => finish(await (await import('./show.ts')).show(node, options, context())));

  program
    .command('adopt')
    .argument('<folder>', 'a Hugging Face shaped model: config.json, model.safetensors, tokenizer.json')
    .argument('<file>', 'lineage file')
    .description('Take a model that was trained elsewhere into the store as a node of a lineage')
    .usage('<folder> <file> --as <node> --reason <text>')
    .requiredOption('--as <node>', 'address of the node that it stands for')
    .requiredOption('--reason <text>', 'where it is from and why it may, in words; kept with it')
    .addHelpText(
      'after',
      example(
        'descent adopt ~/models/base lineage.yaml --as base@seed=1 --reason "trained with LitGPT in May, same recipe"',
      ),
    )
    .action(async (folder, file, options) =>
      finish(await (await import('./adopt.ts')).adopt(folder, file, options, context())),
    );

  program
    .command('query')
    .argument(
      '[sql|name|file]',
      'SQL over the results, the name of a saved query, or a file of SQL, which ends in .sql',
    )
    .description('Ask DuckDB across all runs; read-only')
    .addOption(
      new Option('-f, --format <format>', 'how to print it')
        .choices(['table', 'json', 'csv', 'md', 'parquet'])
        .default('table'),
    )
    .option('-o, --output <file>', 'write it to a file (parquet needs one)')
    .option('-p, --param <name=value>', 'value of a parameter `$name`; may be repeated', collect)
    .option('--list', 'list the saved queries')
    .option('--allow-files', 'let the SQL read and write files')
    .addHelpText(
      'after',
      example(
        'descent query summary',
        'descent query "select address, task, value from model_figures where metric = \'loss\'"',
        'descent query "from lineage_wide" --format parquet -o wide.parquet',
        'descent query own.sql --param lineage=replay',
      ),
    )
    .action(async (sql, options) => finish(await (await import('./query.ts')).query(sql, options, context())));

  program
    .command('export')
    .argument('[lineage]', 'name of a lineage; without it, the one that ran last')
    .description('Write all views of a lineage to files, or its runs as OpenLineage events')
    .usage('[lineage] --to <folder|file>')
    .requiredOption('--to <folder|file>', 'folder for the views, not there yet or empty; file for the events')
    .addOption(
      new Option('-f, --format <format>', 'a file for each view, or one of events')
        .choices(['parquet', 'csv', 'openlineage'])
        .default('parquet'),
    )
    .addHelpText(
      'after',
      example(
        'descent export replay --to replay-results',
        'descent export replay --to replay-csv --format csv',
        'descent export replay --to replay.jsonl --format openlineage',
      ),
    )
    .action(async (lineage, options) =>
      finish(await (await import('./export.ts')).exportLineage(lineage, options, context())),
    );

  program
    .command('takeaways')
    .argument('[lineage]', 'name of a lineage, or its file; without it, the one that ran last')
    .argument('[which]', 'number or name of one takeaway, for its parts and how it was tested')
    .description(
      'Say what the results make of the claims of a lineage: supported, contradicted, or not decided, and why',
    )
    .option('--paper', 'the twelve takeaways of EvoLM instead of the lineage file\u2019s own')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      example('descent takeaways', 'descent takeaways replay 1', 'descent takeaways published/evolm --paper'),
    )
    .action(async (lineage, which, options) =>
      finish(await (await import('./takeaways.ts')).takeaways(lineage, which, options, context())),
    );

  program
    .command('report')
    .argument('[lineage]', 'name of a lineage; without it, the one that ran last')
    .description(
      'Write what came out of a lineage into one file: models, curves, verdicts, cost, and where it came from',
    )
    .option('-o, --out <file>', 'where to write it (default: the lineage\u2019s name with -report, here)')
    .addOption(
      new Option(
        '--format <format>',
        'a page to open and print, or Markdown (default: by the file\u2019s ending, else html)',
      ).choices(['html', 'md']),
    )
    .addHelpText(
      'after',
      example(
        'descent report',
        'descent report replay --out replay.md',
        'descent report published/evolm --out evolm.html',
      ),
    )
    .action(async (lineage, options) =>
      finish(await (await import('./report.ts')).report(lineage, options, context())),
    );

  program
    .command('import')
    .argument('<what>', '`published` to list what there is, or one of that: published/evolm')
    .description("Take a paper's own results into the results, beside one's own")
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      example(
        'descent import published',
        'descent import published/evolm',
        'descent query figure3 --param lineage=published/evolm',
      ),
    )
    .action(async (what, options) =>
      finish(await (await import('./import.ts')).importPublished(what, options, context())),
    );

  program.commandsGroup('Store:');

  program
    .command('gc')
    .argument('[file...]', 'lineage files to keep the store for; without them, those of all lineages that were run')
    .description('Show what in the store nobody needs, and how large it is; with --apply, remove it')
    .option('--apply', 'remove it')
    .option('--attempts', 'older attempts too, of what is needed, that a newer one replaces')
    .option('--forget <lineage>', 'keep nothing for this lineage; may be repeated', collect)
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      example('descent gc', 'descent gc --apply', 'descent gc lineage.yaml other.yaml', 'descent gc --forget old-try'),
    )
    .action(async (files, options) => finish(await (await import('./gc.ts')).gc(files, options, context())));

  program
    .command('pin')
    .argument('[node]', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Keep a node from gc, whatever lineage files need; without a node, list what is kept so')
    .option('--reason <text>', 'what it is kept for, in words')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent pin rl@seed=2 --reason "the model of the demo in May"', 'descent pin'))
    .action(async (node, options) => finish(await (await import('./pin.ts')).pin(node, options, context())));

  program
    .command('unpin')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Let gc have a node again')
    .addHelpText('after', example('descent unpin rl@seed=2'))
    .action(async (node) => finish(await (await import('./pin.ts')).unpin(node, context())));

  program
    .command('verify')
    .argument('[node...]', 'addresses or beginnings of keys; without them, everything')
    .description('Hash what was published again, and compare the results, row by row, with what the store says')
    .option('--rebuild', 'make the results anew from the store, and put them in place')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent verify', 'descent verify rl@seed=2', 'descent verify --rebuild'))
    .action(async (nodes, options) => finish(await (await import('./verify.ts')).verify(nodes, options, context())));

  program.commandsGroup('Machines:');

  program
    .command('doctor')
    .description('Check what Descent needs on this machine, with a remedy for what is missing')
    .option('--gpu', 'train on the GPU: compare with the CPU, repeat to the byte, measure the speed (minutes)')
    .option('--json', 'print the checks as JSON')
    .addHelpText('after', example('descent doctor', 'descent doctor --gpu'))
    .action(async (options) => finish(await (await import('./health.ts')).health(options, context())));

  program
    .command('up')
    .description('Keep the server and a worker running until Ctrl-C')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .addHelpText('after', example('descent up'))
    .action(async (options) => finish(await (await import('./up.ts')).up(options, context())));

  program
    .command('worker')
    .description('Run one worker on a queue, with the Temporal that is configured')
    .usage('--queue <class> [options]')
    .requiredOption('--queue <class>', 'device class: cpu, gpu, or one of temporal.config')
    .addOption(
      new Option('--metrics-port <port>', 'metrics of Temporal for Prometheus, on this port of 127.0.0.1').argParser(
        portNumber,
      ),
    )
    .addHelpText('after', example('descent worker --queue gpu'))
    .action(async (options) => finish(await (await import('./serve.ts')).serve(options, context())));

  // Commander's own prints the general help for a verb that is not there.
  program
    .command('help')
    .argument('[verb]')
    .description('Print the help of a verb')
    .helpGroup('Help:')
    .action((name?: string) => {
      if (name === undefined) return program.help();
      const verb = program.commands.find((command) => command.name() === name);
      if (verb === undefined) return program.error(`error: unknown command '${name}'\n(descent help lists them)`);
      return verb.help();
    });

  for (const verb of program.commands)
    verb.showHelpAfterError(`usage: descent ${verb.name()} ${verb.usage()}\n(descent help ${verb.name()} says more)`);
  return program;
}

/** Help text below the options. */
function example(...lines: string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It is a whole number from 1.');
  return Number(value);
}

function portNumber(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('It is a port, from 1 to 65535.');
  return port;
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
