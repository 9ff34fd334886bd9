import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { isGpuClass } from '../../schemas/device-class.ts';
import { lately } from '../../store/lately.ts';
import type { KubernetesSettings } from '../../temporal.config.ts';
import type { QueueReason } from '../../workflows/messages.ts';
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

  /** All jobs of the class and their pods, asked for together: a sweep has hundreds. */
  const list = lately(pollSeconds * 900, async (): Promise<Listed> => {
    const labels = Object.entries(labelsOf(options.device)).map(([name, value]) => `${name}=${value}`);
    const answer = await kubectl(['get', 'jobs,pods', `--selector=${labels.join(',')}`, '--output=json']);
    if (answer.code !== 0) throw unanswered(answer);
    const { items } = JSON.parse(answer.stdout) as { items: (Job | Pod)[] };
    return {
      jobs: new Map(items.flatMap((item) => (item.kind === 'Job' ? [[item.metadata.name, item]] : []))),
      pods: items.filter((item) => item.kind === 'Pod'),
    };
  });

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
      return create(name, notePath).finally(list.forget);
    },
    async wouldTake() {
      await create(`descent-doctor-${randomUUID().slice(0, 8)}`, '/dev/null', '--dry-run=server');
      await list();
    },
    async look({ name }) {
      try {
        const { jobs, pods } = await list();
        const job = jobs.get(name);
        if (job === undefined) return { phase: 'ended', by: null, words: 'is not known to Kubernetes any more' };
        return stateOf(
          job,
          pods.filter(({ metadata }) => metadata.labels?.['job-name'] === name),
        );
      } catch (error) {
        if (!(error instanceof NodeError)) throw error;
        return { phase: 'unknown', words: error.message };
      }
    },
    // Its pods get SIGTERM, and are killed when their grace period is over; until then the job is there.
    async stop(job) {
      await removeJob(job);
      list.forget();
    },
    async end(job) {
      await removeJob(job);
      list.forget();
      // A grace period that a Job is deleted with is not its pods'.
      await remove(['pods', `--selector=job-name=${job.name}`, '--grace-period=1']);
    },
  };
}

/** What `kubectl get jobs,pods` told. */
interface Listed {
  jobs: ReadonlyMap<string, Job>;
  pods: readonly Pod[];
}

/** Of a job, what is looked at. */
interface Job {
  kind: 'Job';
  metadata: { name: string };
  status?: { ready?: number; conditions?: Condition[] };
}

/** Of a pod, what is looked at. */
interface Pod {
  kind: 'Pod';
  metadata: { labels?: Record<string, string> };
  status?: {
    conditions?: Condition[];
    containerStatuses?: {
      state?: { waiting?: { reason?: string; message?: string }; terminated?: { reason?: string } };
    }[];
  };
}

interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}

function stateOf({ metadata: { name }, status = {} }: Job, pods: readonly Pod[]): JobState {
  const over = status.conditions?.find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True');
  if (over !== undefined) {
    const words = `ended as ${over.type}${over.message ? `: ${over.message}` : ''}`;
    return { phase: 'ended', by: endOf(name, over.reason) ?? outOfMemory(name, pods), words };
  }
  if ((status.ready ?? 0) > 0) return { phase: 'running' };
  const queue = queueReason(status.conditions, pods);
  return { phase: 'queued', ...(queue && { queue }) };
}

/** What the job says of itself does not tell it. */
function outOfMemory(name: string, pods: readonly Pod[]): ClusterEnd | null {
  const containers = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  return containers.some(({ state }) => state?.terminated?.reason === 'OOMKilled')
    ? { kind: 'out-of-memory', message: `the pod of its job ${name} took more memory than it may` }
    : null;
}

/** What a container waits for that is on its way. */
const onItsWay = /^(ContainerCreating|PodInitializing)$/;
/** What is so for as long as the job is: its image's name is none, or may not be pulled. */
const stuck = /^(InvalidImageName|ErrImageNeverPull)$/;

/** Why a job has no pod that runs; undefined where nothing says. */
function queueReason(conditions: readonly Condition[] = [], pods: readonly Pod[]): QueueReason | undefined {
  for (const { status } of pods) {
    for (const { state } of status?.containerStatuses ?? []) {
      const { reason, message = '' } = state?.waiting ?? {};
      if (reason === undefined) continue;
      const weight = onItsWay.test(reason) ? 'ordinary' : stuck.test(reason) ? 'stuck' : 'notable';
      return { reason, message, weight };
    }
    const unscheduled = status?.conditions?.find(({ type, status }) => type === 'PodScheduled' && status === 'False');
    if (unscheduled !== undefined) {
      const { reason = 'Unschedulable', message = '' } = unscheduled;
      return { reason, message, weight: 'notable' };
    }
  }
  // By a queue of the cluster's own, which lets it go when its turn comes.
  const suspended = conditions.find(({ type, status }) => type === 'Suspended' && status === 'True');
  return suspended && { reason: 'Suspended', message: suspended.message ?? '', weight: 'ordinary' };
}

function endOf(name: string, reason: string | undefined): ClusterEnd | null {
  return reason === 'DeadlineExceeded'
    ? { kind: 'time-limit', message: `its job ${name} reached its time limit` }
    : null;
}

/** What jobs of a class, and their pods, are found by. */
function labelsOf(device: string): Record<string, string> {
  return { 'app.kubernetes.io/name': 'descent', 'descent/device': device };
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
  const labels = labelsOf(device);
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
