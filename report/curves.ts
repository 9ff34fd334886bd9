import { groupBy } from '../results/group-by.ts';
import { figure, whole } from '../words/figures.ts';
import { type Block, number, paragraph, type Section, tableOf, text } from './document.ts';
import { linePlot, mostSeries, scalesOf } from './drawings/plots.ts';
import type { CurvePoint } from './read.ts';

/** Loss and reward over the steps of each training, a stage at a time, as many lines to a plot as can be told apart. */
export function curvesSection(points: readonly CurvePoint[]): Section {
  if (points.length === 0) return { title: 'Curves', blocks: [paragraph('There are no curves of loss or reward.')] };
  const plots = [...groupBy(points, ({ stage, metric }) => `${stage}\n${metric}`).values()].flatMap(plotsOf);
  const rows = [...groupBy(points, ({ address, metric }) => `${address}\n${metric}`).values()].map((own) => {
    const [first, last] = [own[0], own.at(-1)] as [CurvePoint, CurvePoint];
    return [first.address, first.metric, whole(last.step), figure(first.value), figure(last.value)];
  });
  const columns = [text('node'), text('metric'), number('steps'), number('first point'), number('last point')];
  return {
    title: 'Curves',
    blocks: [
      paragraph(
        'Each point is the mean over the steps since the one before. Steps without a finite value are left out.',
      ),
      ...plots,
      tableOf('Where each curve begins and ends.', columns, rows),
    ],
  };
}

/** As many drawings as it takes, of about as many lines each, all with the same scales. */
function plotsOf(points: readonly CurvePoint[]): Block[] {
  const { stage, metric } = points[0] as CurvePoint;
  const series = [...groupBy(points, ({ address }) => address)].map(([name, own]) => ({
    name,
    points: own.map(({ step, value }) => ({ x: step, y: value })),
  }));
  const scales = scalesOf(series);
  const parts = Math.ceil(series.length / mostSeries);
  const each = Math.ceil(series.length / parts);
  return Array.from({ length: parts }, (_, part) => {
    const caption = `${stage}: ${metric} over steps${parts > 1 ? `, part ${part + 1} of ${parts}` : ''}.`;
    const own = series.slice(part * each, (part + 1) * each);
    return { kind: 'drawing', drawing: { caption, svg: linePlot(caption, 'step', metric, own, scales) } };
  });
}
