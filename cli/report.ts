import { composeReport, type ReportInput } from '../report/compose.ts';
import type { Document } from '../report/document.ts';
import { asHtml } from '../report/html.ts';
import { asMarkdown } from '../report/markdown.ts';
import { readReportRows } from '../report/read.ts';
import { withDatabase } from '../results/database.ts';
import { readImport } from '../results/imports.ts';
import { publicationIn } from '../results/publications.ts';
import { answerOf, gatherPaper } from '../results/verdicts/ask.ts';
import { keepVerdicts } from '../results/verdicts/record.ts';
import { findHome } from '../store/home.ts';
import { readPlan } from '../store/plans.ts';
import { readOutcome } from '../words/outcome.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
import { outputFile, writeOutput } from './output.ts';
import { type RecordedLineage, recordedLineage } from './recorded-lineage.ts';

/** Options of `descent report`. */
export interface ReportOptions {
  out?: string;
  format?: ReportFormat;
}

type ReportFormat = 'html' | 'md';

const forms: Readonly<Record<ReportFormat, (document: Document) => string>> = { html: asHtml, md: asMarkdown };

/** `descent report [LINEAGE]`: one file of what came out of a lineage, as it was run last; whole or not at all. */
export async function report(lineage: string | undefined, options: ReportOptions, context: Context): Promise<ExitCode> {
  const home = findHome(context.cwd, context.env);
  const format = formatOf(options);
  const given = options.out === undefined ? undefined : await outputFile(options.out, example, context);
  const recorded = await recordedLineage(home, lineage, context);
  const usual = `${recorded.lineage.replaceAll('/', '-')}-report.${format}`;
  const file = given ?? (await outputFile(usual, example, context));
  const document = composeReport(await gather(home, recorded));
  await writeOutput(file, forms[format](document));
  context.terminal.out(`wrote ${file.name}`);
  return exitCodes.fine;
}

const example = '--out report.html';

/** What is asked for, else what the file's ending says. Throws a CommandError for an ending that says neither. */
function formatOf({ out, format }: ReportOptions): ReportFormat {
  if (format !== undefined || out === undefined) return format ?? 'html';
  const ending = /\.(\w+)$/.exec(out)?.[1]?.toLowerCase() ?? '';
  const found = endings[ending];
  if (found !== undefined) return found;
  throw new CommandError(
    `a report is a page or Markdown, and ${out || 'nothing'} is named like neither`,
    ending === 'pdf'
      ? `name it ${out.slice(0, -ending.length)}html, and print that to a PDF in a browser`
      : 'end it in .html or .md, or say what it is: --format html',
  );
}

const endings: Readonly<Record<string, ReportFormat>> = { html: 'html', htm: 'html', md: 'md', markdown: 'md' };

/**
 * What a report is made of, all from one look at the results. Verdicts are found anew, as `descent takeaways` does; of a
 * publication, which declares none, they are the paper's, and its figures have no intervals to find anything by.
 */
async function gather(home: string, { lineage, plan: digest }: RecordedLineage): Promise<ReportInput> {
  const publication = publicationIn(lineage);
  const plan = publication === undefined ? await readPlan(home, digest) : (await readImport(home, publication)).plan;
  const { gathered, findings, rows } = await withDatabase(home, 'read', async (connection) => {
    const rows = await readReportRows(connection, digest);
    if (publication !== undefined)
      return { gathered: await gatherPaper(connection, lineage, digest), findings: [], rows };
    return { ...(await readOutcome(connection, plan, digest)), rows };
  });
  const answer = answerOf(gathered);
  await keepVerdicts(home, answer, { patienceSeconds: 0 });
  return { plan, digest, rows, takeaways: answer.verdicts, findings };
}
