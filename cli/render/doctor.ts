import { counted } from '../../words/figures.ts';
import type { DoctorReport } from '../doctor.ts';
import { columns } from './columns.ts';
import type { Colours } from './terminal.ts';

/** The checks of `descent doctor`, one a row, with the remedy below what is missing or odd. */
export function renderDoctor(report: DoctorReport, colours: Colours): string {
  const marks = { ok: colours.green('ok'), warning: colours.yellow('warning'), missing: colours.red('missing') };
  const rows = report.checks.map((check) => [
    marks[check.status],
    check.name,
    check.status === 'ok' ? check.found : `${check.found}\n${colours.dim('remedy:')} ${check.remedy}`,
  ]);
  const missing = report.checks.filter((check) => check.status === 'missing').length;
  const total = report.healthy ? 'everything that Descent needs is here' : `${counted(missing, 'thing')} missing`;
  return `${columns(rows)}\n\n${total}`;
}
