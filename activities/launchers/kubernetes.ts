import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isGpuClass } from '../../schemas/device-class.ts';
import type { KubernetesSettings } from '../../temporal.config.ts';
import { NodeError } from '../failures.ts';
import type { ClusterEnd } from '../trainer.ts';
import { type Answer, ask } from './command.ts';
import type { JobName, JobOptions, JobState, Launcher } from './launcher.ts';

/**
 * Runs trainers as Jobs of Kubernetes, by `kubectl`, which knows how a person gets into a cluster: contexts, certificates,
 * and the programs that give tokens.
 */
export function kubernetesLauncher(settings: KubernetesSettings, options: JobOptions): Launcher {
  const { pollSeconds = 15, context, namespace } = settings;
  const where = [
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...(namespace === undefined ? [] : [`--namespace=${namespace}`]),
  ];
  const kubectl = async (args: readonly string[], input = ''): Promise<Answer> => {
    const answer = await ask('kubectl', [...where, ...args], { input });
    return { ...answer, stderr: withoutLog(answer.stderr) };
  };

  const remove = async (what: readonly string[]): Promise<void> => {
    const answer = await kubectl(['delete', ...what, '--ignore-not-found', '--wait=false']);
    if (answer.code !== 0) throw unanswered(answer);
  };
  const removeJob = ({ name }: JobName): Promise<void> => remove(['job', name, '--cascade=foreground']);

  /** What the job says of itself does not tell it. */
  const outOfMemory = async (name: string): Promise<ClusterEnd | null> => {
    const { stdout } = await kubectl(['get', 'pods', `--selector=job-name=${name}`, '--output=json']);
    return stdout.includes('"OOMKilled"')
      ? { kind: 'out-of-memory', message: `the pod of its job ${name} took more memory than it may` }
      : null;
  };

  const create = async (name: string, notePath: string, ...how: string[]): Promise<void> => {
    const manifest = JSON.stringify(jobManifest(name, notePath, settings, options));
    const answer = await kubectl(['create', ...how, '--filename=-'], manifest);
    if (answer.code === 0) return;
    throw isUnreachable(answer)
      ? unanswered(answer)
      : new NodeError('no-launcher', `Kubernetes does not take its job: ${answer.stderr}`);
  };

  return {
    pollSeconds,
    submit({ name, notePath, write }) {
      write({ name, task: 0 });
      return create(name, notePath);
    },
    wouldTake: () => create(`descent-doctor-${randomUUID().slice(0, 8)}`, '/dev/null', '--dry-run=server'),
    async look({ name }) {
      const answer = await kubectl(['get', 'job', name, '--ignore-not-found', '--output=json']);
      if (answer.code !== 0) return { phase: 'unknown', words: answer.stderr };
      if (answer.stdout.trim() === '')
        return { phase: 'ended', by: null, words: 'is not known to Kubernetes any more' };
      const state = stateOf(name, JSON.parse(answer.stdout) as Job);
      return state.phase === 'ended' && state.by === null ? { ...state, by: await outOfMemory(name) } : state;
    },
    // Its pods get SIGTERM, and are killed when their grace period is over; until then the job is there.
    stop: removeJob,
    async end(job) {
      await removeJob(job);
      // A grace period that a Job is deleted with is not its pods'.
      await remove(['pods', `--selector=job-name=${job.name}`, '--grace-period=1']);
    },
  };
}

/** Of the answers to `kubectl get job`, what is looked at. */
interface Job {
  status?: {
    active?: number;
    ready?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

function stateOf(name: string, { status = {} }: Job): JobState {
  const over = status.conditions?.find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True');
  if (over !== undefined) {
    const words = `ended as ${over.type}${over.message ? `: ${over.message}` : ''}`;
    return { phase: 'ended', by: endOf(name, over.reason), words };
  }
  return { phase: (status.ready ?? 0) > 0 ? 'running' : 'queued' };
}

function endOf(name: string, reason: string | undefined): ClusterEnd | null {
  return reason === 'DeadlineExceeded'
    ? { kind: 'time-limit', message: `its job ${name} reached its time limit` }
    : null;
}

/** Seconds that a pod has to end once its trainer is asked to save, beyond what the trainer has. */
const graceBeyondSaving = 30;

/**
 * The Job that runs a trainer. A pod that its machine or the scheduler took away (a `DisruptionTarget`) is made anew, and
 * begins the attempt's next execution; one that ended by itself is not.
 */
export function jobManifest(
  name: string,
  notePath: string,
  settings: KubernetesSettings,
  { device, threads }: JobOptions,
): object {
  const { image, claim, mountPath, memory, cpus, gpus, nodeSelector, serviceAccount, priorityClass, secret } = settings;
  const { program = [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url))], saveSeconds = 60 } =
    settings;
  const devices = gpus ?? (isGpuClass(device) ? 1 : 0);
  const labels = { 'app.kubernetes.io/name': 'descent', 'descent/device': device };
  const limits = { ...(memory && { memory }), ...(devices > 0 && { 'nvidia.com/gpu': devices }) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, labels },
    spec: {
      backoffLimit: 0,
      // Whoever follows it has read how it ended long before.
      ttlSecondsAfterFinished: 3600,
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: saveSeconds + graceBeyondSaving,
          ...(nodeSelector && { nodeSelector }),
          ...(serviceAccount && { serviceAccountName: serviceAccount }),
          ...(priorityClass && { priorityClassName: priorityClass }),
          containers: [
            {
              name: 'trainer',
              image,
              command: [...program, notePath],
              resources: { requests: { cpu: cpus ?? threads, ...limits }, limits },
              volumeMounts: [{ name: 'home', mountPath }],
              ...(secret && { envFrom: [{ secretRef: { name: secret } }] }),
            },
          ],
          volumes: [{ name: 'home', persistentVolumeClaim: { claimName: claim } }],
        },
      },
    },
  };
}

function isUnreachable({ stderr }: Answer): boolean {
  return /unable to connect|connection refused|was refused|timeout|timed out|did not answer|no route|i\/o|try again|tls/i.test(
    stderr,
  );
}

/** What kubectl says to a person: before it come lines of its library's log, which say the same five times. */
function withoutLog(stderr: string): string {
  const said = stderr.split('\n').filter((line) => !/^[EWI]\d{4} /.test(line));
  return said.join('\n').trim() || stderr;
}

function unanswered({ stderr }: Answer): NodeError {
  return new NodeError('no-cluster', `Kubernetes does not answer: ${stderr}`);
}
