import type { Command } from 'commander';
import type { Calls } from './calls.ts';
import { collect, example } from './options.ts';

/** Verbs of the store: what is kept, and whether it is whole. */
export function addStoreVerbs(program: Command, { context, finish }: Calls): void {
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
    .action(async (files, options) => finish(await (await import('../gc.ts')).gc(files, options, context())));

  program
    .command('pin')
    .argument('[node]', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Keep a node from gc, whatever lineage files need; without a node, list what is kept so')
    .option('--reason <text>', 'what it is kept for, in words')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent pin rl@seed=2 --reason "the model of the demo in May"', 'descent pin'))
    .action(async (node, options) => finish(await (await import('../pin.ts')).pin(node, options, context())));

  program
    .command('unpin')
    .argument('<node>', 'address (`mid@replay=10%`) or the beginning of a key')
    .description('Let gc have a node again')
    .addHelpText('after', example('descent unpin rl@seed=2'))
    .action(async (node) => finish(await (await import('../pin.ts')).unpin(node, context())));

  program
    .command('verify')
    .argument('[node...]', 'addresses or beginnings of keys; without them, everything')
    .description('Hash what was published again, and compare the results, row by row, with what the store says')
    .option('--rebuild', 'make the results anew from the store, and put them in place')
    .option('--json', 'print it as JSON')
    .addHelpText('after', example('descent verify', 'descent verify rl@seed=2', 'descent verify --rebuild'))
    .action(async (nodes, options) => finish(await (await import('../verify.ts')).verify(nodes, options, context())));
}
