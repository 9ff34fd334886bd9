import type { Architecture } from '../../schemas/types/job.ts';

/** A size of model that is measured. */
export interface Size {
  name: string;
  architecture: Architecture;
  /** Updates a turn: a moment's work at each size. */
  updates: number;
  /** Whether Descent is to train at least as fast as PyTorch does eagerly. */
  floor: boolean;
}

export const sizes: readonly Size[] = [
  {
    name: '0.4M',
    architecture: architecture({ vocab: 512, hidden: 96, layers: 3, heads: 4, ffn: 256, context: 128 }),
    updates: 8,
    floor: false,
  },
  {
    name: '3.4M',
    architecture: architecture({ vocab: 512, hidden: 256, layers: 4, heads: 4, ffn: 688, context: 256 }),
    updates: 2,
    floor: true,
  },
  {
    name: '21M',
    architecture: architecture({ vocab: 2048, hidden: 512, layers: 6, heads: 8, ffn: 1376, context: 256 }),
    updates: 1,
    floor: true,
  },
];

function architecture(shape: Omit<Architecture, 'kvHeads' | 'ropeTheta' | 'normEpsilon'>): Architecture {
  return { ...shape, kvHeads: shape.heads, ropeTheta: 10_000, normEpsilon: 1e-5 };
}
