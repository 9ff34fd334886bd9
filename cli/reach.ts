import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import type { Check } from '#setup/inspect.mjs';
import { NodeError } from '../activities/failures.ts';
import { launcherOf } from '../activities/launchers/of-class.ts';
import { torchrunOf } from '../activities/launchers/torchrun.ts';
import { inspectEnvironment, newestPython } from '../engines/environment.ts';
import { engines } from '../schemas/engines.ts';
import type { DrivenEngine } from '../schemas/types/job.ts';
import type { Bucket } from '../store/remote/bucket.ts';
import { StorageError } from '../store/remote/errors.ts';
import { openStorage } from '../store/remote/storage.ts';
import type { TemporalConfig } from '../temporal.config.ts';

/** So long a storage has to take, give and remove a small object. */
const storageSeconds = 60;

/** Whether the storage that is configured takes an object, once, gives it back and removes it; nothing where none is. */
export async function checkStorage({ storage: settings }: Pick<TemporalConfig, 'storage'>): Promise<Check[]> {
  if (settings === undefined) return [];
  const name = 'Storage';
  const { bucket } = await openStorage(settings);
  const start = performance.now();
  try {
    const fault = await faultOf(bucket);
    if (fault !== undefined) return [{ name, status: 'missing', found: `${bucket.address} ${fault}`, remedy: another }];
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    return [{ name, status: 'ok', found: `${bucket.address}, an object put, read and removed in ${seconds} s` }];
  } catch (error) {
    if ((error as Error).name === 'TimeoutError')
      return [
        { name, status: 'missing', found: `${bucket.address} took longer than ${storageSeconds} s`, remedy: reach },
      ];
    if (!(error instanceof StorageError)) throw error;
    const remedy = error.kind === 'no-network' ? reach : 'do what it says, and ask `descent doctor` again';
    return [{ name, status: 'missing', found: error.message, remedy }];
  } finally {
    bucket.close();
  }
}

const reach = 'see that this machine reaches it, and that `storage` in temporal.config says where it is';
const another = 'take a storage with conditional writes (If-None-Match), as the S3 of Amazon has: hosts agree by them';

/** What it does that a storage must not. */
async function faultOf(bucket: Bucket): Promise<string | undefined> {
  const signal = AbortSignal.timeout(storageSeconds * 1000);
  const name = `doctor/${randomUUID()}`;
  const isNew = await bucket.putNew(name, name, signal);
  try {
    if (!isNew) return 'says that an object is there which nobody put';
    if ((await bucket.readText(name, signal)) !== name) return 'gives another object than it was given';
    return (await bucket.putNew(name, '', signal)) ? 'replaces an object that it is told to keep' : undefined;
  } finally {
    await bucket.remove(name, signal);
  }
}

/** Whether each cluster would take a job, asked as the worker would; nothing of classes whose trainers this machine runs. */
export async function checkLaunchers({ devices }: Pick<TemporalConfig, 'devices'>): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [device, settings] of Object.entries(devices)) {
    const launcher = launcherOf(device, settings, tmpdir()); // no job is handed in, so that none writes a log there
    if (launcher === undefined || torchrunOf(settings) !== undefined) continue;
    const name = `${'slurm' in (settings.launcher ?? {}) ? 'Slurm' : 'Kubernetes'} (${device})`;
    try {
      await launcher.wouldTake();
      checks.push({ name, status: 'ok', found: 'it answers, and would take a job of the class' });
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      checks.push({ name, status: 'missing', found: error.message, remedy: clusterRemedies[error.kind] ?? correct });
    }
  }
  return checks;
}

const correct =
  'correct `launcher` of its class in temporal.config, or start the worker on a machine that has its commands';
const clusterRemedies: Readonly<Record<string, string>> = {
  'no-cluster': 'see that the cluster is up, and that its commands reach it from this machine',
};

/** Of each engine whether it is installed, and else what would install it. None is needed before a lineage names it. */
export function checkEngines(): Promise<Check[]> {
  return Promise.all((Object.keys(engines) as DrivenEngine[]).map(checkEngine));
}

async function checkEngine(engine: DrivenEngine): Promise<Check> {
  const name = `Engine ${engine}`;
  const { installer, folder, lock } = await inspectEnvironment(engine);
  if (folder !== null) return { name, status: 'ok', found: `lock ${lock} at ${folder}` };
  if (installer !== null)
    return { name, status: 'ok', found: `not installed; ${installer} does it when a lineage first needs it` };
  return {
    name,
    status: 'warning',
    found: 'not installed, and neither uv nor a Python that its packages are for is on PATH',
    remedy: `before a lineage names it, install uv, or Python 3.11 to 3.${newestPython(engine)} as python3`,
  };
}
