import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, Key } from '../planner/plan.ts';
import type { FindStored, StoredArtifact } from '../planner/stored.ts';
import { shapeOfConfig } from '../schemas/llama.ts';
import type { Architecture } from '../schemas/types/job.ts';
import { inspectNode, newestWhole } from './artifact.ts';
import { keysBeginning } from './home.ts';
import type { Artifact } from './inspect.ts';

/** What a home's store has under the keys that begin with some digits, for the planner. Reads a few small files of each. */
export function storedIn(home: string): FindStored {
  return (prefix) => keysBeginning(home, prefix).map((key) => describe(home, key as Key));
}

function describe(home: string, key: Key): StoredArtifact {
  const artifact = newestWhole(home, key);
  if (artifact === undefined) {
    const found = inspectNode(home, key);
    const why = found.state === 'damaged' ? `is damaged (${found.reason})` : 'is not finished';
    return { key, state: 'unusable', why };
  }
  const { type, address, preimage } = artifact;
  return {
    key,
    state: 'done',
    type,
    address,
    preimage: preimage as { [name: string]: Json },
    architecture: shapeOf(artifact),
  };
}

/** The shape in an artifact's config.json; null where it left no model. */
function shapeOf({ folder, model, files }: Artifact): Architecture | null {
  const path = `${model}/config.json`;
  if (model === null || !files.some((file) => file.path === path)) return null;
  const shape = shapeOfConfig(JSON.parse(readFileSync(join(folder, path), 'utf8')));
  return shape.ok ? shape.architecture : null;
}
