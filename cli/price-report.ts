import type { Estimate, NodeCost } from '../planner/estimate.ts';
import type { Memory } from '../planner/memory.ts';
import type { Price } from '../planner/price.ts';
import type { TrainingCost } from '../planner/sharing.ts';
import { builtIn } from '../schemas/engines.ts';
import type { Pricing } from './pricing.ts';

/** What `--json` says of a node's price: from beginning to end, how much of that is left, and how long it takes. */
export function costReport({ price, part, device, memory, time, same }: NodeCost): object {
  return {
    ...amounts(price),
    partLeft: part,
    device,
    bytesMemory: memory?.peak ?? null,
    memory: memory && memoryReport(memory),
    deviceSeconds: time?.seconds ?? null,
    speed: time?.from ?? null,
    measuredBy: time?.by ?? null,
    sameAs: same?.address ?? null,
  };
}

/** What memory is taken for, in bytes. */
function memoryReport({ peak: _, ...parts }: Memory): object {
  return parts;
}

/** What `--json` says of a plan's price in total. Seconds are null where no speed is known. */
export function priceReport({ estimate, notes }: Pricing): object {
  const { left, unknown, engines, done, alone, sharing, trunks, elapsedSeconds, critical, rough, slots, disk } =
    estimate;
  return {
    left: { ...amounts(left.price), bytesCheckpoints: disk.checkpoints, deviceSeconds: left.seconds },
    withoutKnownSpeed: unknown,
    engines: engines.map(({ engine = builtIn, seconds, ...rest }) => ({ engine, ...rest, deviceSeconds: seconds })),
    done: { flops: done.flops, deviceSeconds: done.seconds },
    withoutSharing: { flops: alone.flops, deviceSeconds: alone.seconds },
    sharing: {
      finalModels: sharing.models,
      shared: trainingReport(sharing.shared, estimate),
      alone: trainingReport(sharing.alone, estimate),
      saved: trainingReport(sharing.saved, estimate),
    },
    trunks: trunks && {
      runs: trunks.runs,
      branched: trainingReport(trunks.branched, estimate),
      separate: trainingReport(trunks.separate, estimate),
      saved: trainingReport(trunks.saved, estimate),
    },
    elapsedSeconds,
    rough,
    slots: Object.fromEntries(slots),
    critical: {
      addresses: critical.nodes.map(({ address }) => address),
      ...(critical.by === 'seconds' ? { seconds: critical.length } : { flops: critical.length }),
    },
    notes,
  };
}

function amounts({ steps, tokens, flops, bytes, exact }: Price): object {
  return {
    steps,
    tokensTrained: tokens.trained,
    tokensSampled: tokens.generated,
    tokensScored: tokens.scored,
    flopsTraining: flops.training,
    flopsInference: flops.inference,
    bytesPublished: bytes.published,
    bytesCheckpoints: bytes.checkpoints,
    exact,
  };
}

function trainingReport({ tokens, flops, seconds }: TrainingCost, { alone }: Estimate): object {
  return { tokensTrained: tokens, flops, deviceSeconds: alone.seconds === null ? null : seconds };
}
