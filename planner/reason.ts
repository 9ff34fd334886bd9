import type { Change } from './compare.ts';
import type { Json, PlanNode } from './plan.ts';
import type { Failure, Verdict } from './verdict.ts';

/** The reason of a verdict in words: `lr 2e-5 → 1e-5 (was 5be2…)`, `attempt 1, step 1,200 of 4,000`. */
export function reasonText(node: PlanNode, { reason }: Verdict): string {
  switch (reason.kind) {
    case 'done': {
      const accepted = node.accepted ? `, accepted: ${node.accepted.reason}` : '';
      return `attempt ${reason.attempt}, done ${reason.finishedAt.slice(0, 10)}${accepted}`;
    }
    case 'spared':
      return 'not needed: all that goes on from it is done';
    case 'checkpoint': {
      const of = reason.steps === null ? '' : ` of ${reason.steps.toLocaleString('en')}`;
      const failed = reason.failure ? `, failed: ${failureText(reason.failure)}` : '';
      return `attempt ${reason.attempt}, step ${reason.step.toLocaleString('en')}${of}${failed}`;
    }
    case 'new':
      return 'new';
    case 'changed':
      return [
        changedText(node, reason.changes),
        reason.movedFrom === undefined ? '' : ` (was ${reason.movedFrom})`,
        reason.planned ? '; planned so before, and not in the store' : '',
      ].join('');
    case 'missing':
      return 'planned before, and not in the store: never finished, or removed';
    case 'damaged':
      return reason.what;
    case 'stopped':
      return reason.failure
        ? `attempt ${reason.attempt} failed: ${failureText(reason.failure)}`
        : `attempt ${reason.attempt} ended before its first checkpoint`;
    case 'forced':
      return `forced: attempt ${reason.attempt}, and attempt ${reason.attempt - 1} is kept`;
    default:
      return reason satisfies never;
  }
}

/** `lr 2e-5 → 1e-5`, and of an ancestor `base: lr 2e-5 → 1e-5`. */
export function changeText(change: Change, of?: PlanNode): string {
  const whose = of === undefined || change.address === of.address ? '' : `${change.address}: `;
  return `${whose}${change.field} ${valueText(change.before)} → ${valueText(change.after)}`;
}

/** The first sentence of what was said, which has what happened; what to do about it comes after. */
function failureText({ kind, message }: Failure): string {
  const [sentence = ''] = message.split(/\.\s|\.$|\n/);
  return `${sentence} (${kind})`;
}

/** Changes named in one line; what more there are is counted. */
const mostNamed = 3;

function changedText(node: PlanNode, changes: readonly Change[]): string {
  const named = changes.slice(0, mostNamed).map((change) => changeText(change, node));
  const more = changes.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

function valueText(value: Json | undefined): string {
  if (value === undefined) return 'none';
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 0.01) return value.toExponential();
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}
