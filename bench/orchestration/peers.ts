import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '#setup/places.mjs';
import { type Found, must, type Peer } from '../peers/peer.ts';
import type { Case } from './cases.ts';
import { timed } from './descent.ts';

/** Another engine that runs the same lineages, on two cores. */
export interface Orchestrator extends Peer {
  name: 'Snakemake' | 'Prefect';
  /** The file in this folder that has the lineages. */
  file: string;
  /** What follows the program to run a case in a folder where `file` is. */
  run(each: Case): string[];
  /** All that it keeps lies in the folder; nothing is told to anybody. */
  env(folder: string): NodeJS.ProcessEnv;
}

export const peers: readonly Orchestrator[] = [
  {
    name: 'Snakemake',
    releases: ['snakemake==9.27.1'],
    onPath: ['snakemake'],
    inEnvironment: (python) => [python, '-m', 'snakemake'],
    version: ['--version'],
    file: 'Snakefile',
    // Jobs are no processes, as those of Descent are none here: a process for each would take Snakemake a second.
    run: ({ seeds, suites }) => [
      ...['--cores', '2', '--force-use-threads', '--quiet', 'host', 'progress', 'rules', 'reason'],
      ...['--config', `seeds=${seeds}`, `suites=${suites.join(' ')}`],
    ],
    env: (folder) => ({ XDG_CACHE_HOME: join(folder, 'cache'), XDG_CONFIG_HOME: join(folder, 'config') }),
  },
  {
    name: 'Prefect',
    releases: ['prefect==3.9.1'],
    onPath: ['python3'],
    inEnvironment: (python) => [python],
    version: ['-c', 'import prefect; print(prefect.__version__)'],
    file: 'flow.py',
    run: ({ seeds, suites }) => ['flow.py', String(seeds), ...suites],
    // Without an address it starts a server of its own, with SQLite, for as long as the flow runs.
    env: (folder) => ({
      PREFECT_HOME: join(folder, 'prefect'),
      PREFECT_LOGGING_LEVEL: 'ERROR',
      PREFECT_SERVER_LOGGING_LEVEL: 'CRITICAL',
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      DO_NOT_TRACK: '1',
    }),
  },
];

/** Seconds that a peer takes for a case, cold and with nothing to do, where the cases before it have run in the folder. */
export async function measurePeer(
  peer: Found<Orchestrator>,
  folder: string,
  each: Case,
): Promise<{ coldSeconds: number; againSeconds: number }> {
  await mkdir(folder, { recursive: true });
  await copyFile(join(packageRoot, 'bench', 'orchestration', peer.file), join(folder, peer.file));
  const run = () => must([...peer.program, ...peer.run(each)], { cwd: folder, env: peerEnvironment(peer, folder) });
  const measured = { coldSeconds: await timed(run), againSeconds: await timed(run) };
  await expectFiles(folder, each);
  return measured;
}

/** Everything is there, or the figures are of something else. */
async function expectFiles(folder: string, { seeds, suites }: Case): Promise<void> {
  const wanted = ['config.json', 'model.safetensors', ...suites.map((suite) => `${suite}.json`)];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const found = await readdir(join(folder, `base@seed=${seed}`));
    const missing = wanted.find((file) => !found.includes(file));
    if (missing) throw new Error(`base@seed=${seed}/${missing} was not made`);
  }
}

/** Without a person's own settings of it: a server elsewhere, a profile. */
function peerEnvironment(peer: Orchestrator, folder: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !/^(PREFECT|SNAKEMAKE)_/.test(name));
  return { ...Object.fromEntries(others), ...peer.env(folder) };
}
