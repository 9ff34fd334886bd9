import { type Command, Option } from 'commander';
import type { Calls } from './calls.ts';
import { collect, example, portNumber } from './options.ts';

/** Verbs of results: what came out, and what it is asked and given out as. */
export function addResultVerbs(program: Command, { context, finish }: Calls): void {
  program.commandsGroup('Results:');

  program
    .command('show')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Show one node: recipe, parents, attempts, files, evaluations, provenance')
    .option('--lineage <name>', 'the lineage to look in, where several know the address')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent show mid@replay=10%', 'descent show a41f09 --json'))
    .action(async (node, options) => finish(await (await import('../show.ts')).show(node, options, context())));

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
      finish(await (await import('../adopt.ts')).adopt(folder, file, options, context())),
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
    .action(async (sql, options) => finish(await (await import('../query.ts')).query(sql, options, context())));

  program
    .command('export')
    .argument('[lineage]', 'name of a lineage, or its file; without it, the one that ran last')
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
      finish(await (await import('../export.ts')).exportLineage(lineage, options, context())),
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
      finish(await (await import('../takeaways.ts')).takeaways(lineage, which, options, context())),
    );

  program
    .command('report')
    .argument('[lineage]', 'name of a lineage, or its file; without it, the one that ran last')
    .description(
      'Write what came out of a lineage into one file: models, curves, verdicts, cost, and where it came from',
    )
    .option('-o, --out <file>', 'where to write it (default: the lineage\u2019s name with -report, here)')
    .addOption(
      new Option(
        '-f, --format <format>',
        'a page to open and print, or Markdown (default: what the file\u2019s ending says, of no file html)',
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
      finish(await (await import('../report.ts')).report(lineage, options, context())),
    );

  program
    .command('ui')
    .argument('[lineage]', 'name of the lineage to show first')
    .description('Serve a page of all lineages on this machine: what runs, models, curves, verdicts, SQL; until Ctrl-C')
    .addOption(new Option('--port <port>', 'this port of 127.0.0.1 (default: one that is free)').argParser(portNumber))
    .option('--json', 'print the address as JSON')
    .addHelpText('after', example('descent ui', 'descent ui replay --port 8484'))
    .action(async (lineage, options) => finish(await (await import('../ui.ts')).ui(lineage, options, context())));

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
      finish(await (await import('../import.ts')).importPublished(what, options, context())),
    );
}
