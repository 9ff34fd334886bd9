import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { withLock } from '#setup/lock.mjs';
import { cacheFolder } from '#setup/places.mjs';

// As Descent's own client has it.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

/** The S3-compatible server that the suite runs: one binary, that keeps objects as files and has S3's own conditions. */
const release = 'v1.8.0';

/** Who the server knows. */
export const credentials = { AWS_ACCESS_KEY_ID: 'AKIASUITE', AWS_SECRET_ACCESS_KEY: 'a-secret-of-the-suite' };

/** An S3-compatible server of a suite's own, with one bucket. */
export interface StorageServer {
  /** `http://127.0.0.1:port`. */
  endpoint: string;
  port: number;
  bucket: string;
  /** Where the bucket's objects lie as files. */
  objects: string;
  /** Kills it, and starts it again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one, installing it first where it is not there. Throws, saying what is missing, where that cannot be. */
export async function storageServer(): Promise<StorageServer> {
  const program = await findProgram();
  const folder = mkdtempSync(join(tmpdir(), 'descent-s3-'));
  const [data, metadata] = ['data', 'metadata'].map((name) => join(folder, name)) as [string, string];
  for (const one of [data, metadata]) mkdirSync(one);
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret } = credentials;
  const launch = async (): Promise<ChildProcess> => {
    // Metadata in files of their own: not every folder for temporary files has extended attributes.
    const child = spawn(program, ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', '--sidecar', metadata, data], {
      env: { PATH: process.env.PATH, ROOT_ACCESS_KEY_ID: access, ROOT_SECRET_ACCESS_KEY: secret },
      stdio: 'ignore',
    });
    try {
      await answering(endpoint);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    return child;
  };
  let child = await launch();
  const bucket = 'lineages';
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: access, secretAccessKey: secret },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    endpoint,
    port,
    bucket,
    objects: join(data, bucket),
    async restart() {
      await kill();
      child = await launch();
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The one that `DESCENT_VERSITYGW` names, else the one in the cache folder, which Go builds where it is not there yet. */
async function findProgram(): Promise<string> {
  const named = process.env.DESCENT_VERSITYGW;
  if (named) return named;
  const name = `versitygw-${release}`;
  const folder = join(cacheFolder(), name);
  const program = join(folder, 'versitygw');
  // Files of the suite begin at once.
  await withLock(
    join(cacheFolder(), 'locks', name),
    () => undefined,
    async () => {
      if (!existsSync(program)) await build(folder);
    },
  );
  return program;
}

/** It is built from its sources, which takes minutes, and as many times as long where the cores are busy. */
const buildMs = 40 * 60_000;

async function build(folder: string): Promise<void> {
  const unfinished = `${folder}.tmp`;
  const what = `github.com/versity/versitygw/cmd/versitygw@${release}`;
  try {
    await promisify(execFile)('go', ['install', what], {
      env: { ...process.env, GOBIN: unfinished },
      timeout: buildMs,
    });
  } catch (error) {
    const { code, killed, stderr = '' } = error as { code?: unknown; killed?: boolean; stderr?: string };
    const why = killed ? `Go took longer than ${buildMs / 60_000} minutes` : stderr.trim();
    const remedy = code === 'ENOENT' ? 'install Go, or name one' : `${why}: try again, or name one`;
    throw new Error(`the suite needs versitygw ${release}: ${remedy} in DESCENT_VERSITYGW`, { cause: error });
  }
  renameSync(unfinished, folder);
}

async function answering(endpoint: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      await fetch(endpoint, { signal: AbortSignal.timeout(1000) });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
