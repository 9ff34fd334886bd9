import { stat } from 'node:fs/promises';
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
import { writeWhole } from '../store/write.ts';
import { readOutcome } from '../words/outcome.ts';
import { absolute, type Context, type ExitCode, exitCodes } from './context.ts';
import { CommandError } from './failure.ts';
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
  const recorded = await recordedLineage(home, lineage);
  const format = options.format ?? (options.out?.endsWith('.md') ? 'md' : 'html');
  const out = options.out ?? `${recorded.lineage.replaceAll('/', '-')}-report.${format}`;
  const path = absolute(context, out);
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) throw new CommandError(`${out} is a folder`, 'name a file: --out report.html');
  const document = composeReport(await gather(home, recorded));
  await writeWhole(path, forms[format](document));
  context.terminal.out(`wrote ${out}`);
  return exitCodes.fine;
}

/**
 * What a report is made of, all from one look at the results. Verdicts are found anew, as `descent takeaways` does; of a
 * publication, which declares none, they are the paper's, and its figures have no intervals to find anything by.
 */
async function gather(home: string, { lineage, plan: digest }: RecordedLineage): Promise<ReportInput> {
  const publication = publicationIn(lineage);
  const plan = publication === undefined ? await readPlan(home, digest) : (await readImport(home, publication)).plan;
  const { gathered, findings, rows } = await withDatabase(home, 'read', async (connection) => {
    const rows = await readReportRows(connection, digest);
    if (publication !== undefined) return { gathered: await gatherPaper(connection, lineage), findings: [], rows };
    return { ...(await readOutcome(connection, plan, digest)), rows };
  });
  const answer = answerOf(gathered);
  await keepVerdicts(home, answer, { patienceSeconds: 0 });
  return { plan, digest, rows, takeaways: answer.verdicts, findings };
}
