import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions } from '@temporalio/worker';

const folder = fileURLToPath(new URL('../workflows/', import.meta.url));

/** The module whose interceptors make spans of what workflows do. */
export const tracingModule = join(folder, 'tracing.js');

/**
 * The workflows as a worker takes them. Where they are `plain`, the bundle that the build made, unless they are newer;
 * with interceptors or a converter of failures they are bundled where they start, which takes a second or two.
 */
export function workflowCode(plain: boolean): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const bundle = join(folder, 'bundle.js');
  const newest = Math.max(
    ...readdirSync(folder)
      .filter((name) => name.endsWith('.js') && name !== 'bundle.js')
      .map((name) => statSync(join(folder, name)).mtimeMs),
  );
  if (plain && existsSync(bundle) && statSync(bundle).mtimeMs >= newest)
    return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: join(folder, 'index.js') };
}
