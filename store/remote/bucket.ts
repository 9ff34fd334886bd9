import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { S3Client as Client } from '@aws-sdk/client-s3';
import { StoreError } from '../errors.ts';
import { isMissing, isNamed, StorageError, storageError } from './errors.ts';

/** Where the object storage is, of `storage` in temporal.config. Who asks is the client's own to find: AWS_*, ~/.aws. */
export interface BucketSettings {
  bucket: string;
  /** What all names begin with, without slashes at its ends. Default: nothing. */
  prefix?: string;
  /** URL of a server that is not Amazon's. */
  endpoint?: string;
  region?: string;
}

/** What lies under a name. */
export interface StoredObject {
  name: string;
  bytes: number;
  modifiedAt: Date;
}

/** A file to put there: its place here, and what it has to be. */
export interface FileToPut {
  path: string;
  bytes: number;
  /** SHA-256 in hex. */
  sha256: string;
}

/**
 * Object storage, as much of it as Descent needs. Names are without the prefix. Everything throws a StorageError that
 * names the bucket, or the signal's reason where it is aborted; and nothing waits for ever.
 */
export interface Bucket {
  /** `s3://bucket/prefix`, for people and for notes. */
  readonly address: string;
  /** All that lies under names which begin so, in the order of names; a request for each thousand. */
  list(prefix: string, signal?: AbortSignal): AsyncGenerator<StoredObject>;
  /** A small object as text; undefined where there is none. */
  readText(name: string, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * The bytes of an object from a place on, none where it is no longer than that; undefined where there is no such object. A body
   * that stands still for long is an error.
   */
  read(name: string, from: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Puts a small object where none is: of any number that try at once, exactly one gets true. */
  putNew(name: string, text: string, signal?: AbortSignal): Promise<boolean>;
  /**
   * Puts a file there, in parts where it is large. The server is told digests of what it gets; and where the file is not
   * what it has to be, nothing appears under the name, and a StoreError is thrown.
   */
  putFile(name: string, file: FileToPut, signal?: AbortSignal): Promise<void>;
  remove(name: string, signal?: AbortSignal): Promise<void>;
  /** Gives up the uploads in parts, of objects whose names begin so, that nobody ended: a killed process leaves them, and they cost. */
  abortUploads(prefix: string, signal?: AbortSignal): Promise<void>;
  close(): void;
}

/** Files up to this size go in one request; larger ones in parts of it, a few at once. */
export const partBytes = 16 * 1024 * 1024;

/** Parts of a file that go at once, each in memory. */
const partsAtOnce = 3;

/** The most parts that a file may have. */
const mostParts = 10_000;

/** Tries of one request, with growing pauses, before its caller is told. */
const triesOfRequest = 4;

/** Without a sign from the server for so long, a request or a body has broken off. */
const silenceMs = 30_000;

/**
 * Opens a bucket. Asks the server nothing yet, and reads the credentials at the first request. Throws a `no-access` StorageError
 * where AWS_ENDPOINT_URL_S3 is to name the server and is no address.
 */
export async function openBucket(settings: BucketSettings): Promise<Bucket> {
  // Said once a process on standard error otherwise, by a library whose version the lock file has chosen for this Node.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // Loaded by whoever has storage: it takes a third of a second.
  const s3 = await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  const { AWS_ENDPOINT_URL_S3, AWS_REGION } = process.env;
  const { bucket, region, endpoint = AWS_ENDPOINT_URL_S3 || undefined } = settings;
  const prefix = settings.prefix ? `${settings.prefix}/` : '';
  const address = `s3://${bucket}${settings.prefix ? `/${settings.prefix}` : ''}`;
  // It is not told, as a user and a password may be in it.
  if (endpoint !== undefined && !(/^https?:/.test(endpoint) && URL.canParse(endpoint)))
    throw new StorageError(
      'no-access',
      `${address}: AWS_ENDPOINT_URL_S3 has to be a URL, http://host:9000: correct it`,
    );
  // Who is not reached at an endpoint has to see which.
  const place = endpoint === undefined ? address : `${address} at ${new URL(endpoint).origin}`;
  const client: Client = new s3.S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Servers other than Amazon's mostly take any, and a client without one does nothing.
    ...(region !== undefined ? { region } : endpoint !== undefined && !AWS_REGION && { region: 'us-east-1' }),
    maxAttempts: triesOfRequest,
    requestHandler: {
      connectionTimeout: 5000,
      socketTimeout: silenceMs,
      requestTimeout: 10 * silenceMs,
      throwOnRequestTimeout: true,
    },
    // Digests are given by hand, as SHA-256; those that newer clients add of themselves are refused by older servers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });

  /** Does something with the client, and puts what it throws into words. */
  const asked = async <T>(what: string, signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StoreError || error instanceof StorageError) throw error;
      throw storageError(error, place, what);
    }
  };
  const at = (name: string) => ({ Bucket: bucket, Key: `${prefix}${name}` });
  const abortable = (signal: AbortSignal | undefined) => (signal ? { abortSignal: signal } : {});

  const putWhole = async (name: string, file: FileToPut, signal?: AbortSignal): Promise<void> => {
    const { path, bytes, sha256 } = file;
    const body = await readFile(path);
    if (body.length !== bytes || hexOf(body) !== sha256) throw changed(path);
    const command = new s3.PutObjectCommand({ ...at(name), Body: body, ChecksumSHA256: base64Of(sha256) });
    await client.send(command, abortable(signal));
  };
  const putParts = async (name: string, file: FileToPut, signal?: AbortSignal): Promise<void> => {
    const upload = new Upload({
      client,
      params: { ...at(name), Body: Readable.from(wholeOnly(file)), ChecksumAlgorithm: 'SHA256' },
      partSize: Math.max(partBytes, Math.ceil(file.bytes / mostParts)),
      queueSize: partsAtOnce,
    });
    const abort = (): void => void upload.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await upload.done();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  };
  const sizeOf = async (name: string, signal?: AbortSignal): Promise<number | undefined> => {
    try {
      return (await client.send(new s3.HeadObjectCommand(at(name)), abortable(signal))).ContentLength;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  const read: Bucket['read'] = (name, from, signal) => {
    const what = `reading ${name}`;
    return asked(what, signal, async () => {
      try {
        const range = from > 0 ? { Range: `bytes=${from}-` } : {};
        const answer = await client.send(new s3.GetObjectCommand({ ...at(name), ...range }), abortable(signal));
        if (from > 0 && !answer.ContentRange?.startsWith(`bytes ${from}-`)) {
          throw new StorageError('no-network', `${place}, ${what}: it gave another part than it was asked for`);
        }
        const body = answer.Body as Readable;
        return inTime(body, answer.ContentLength, (error) => storageError(error, place, what), signal);
      } catch (error) {
        if (isMissing(error)) return undefined;
        if (isNamed(error, 'InvalidRange')) return Readable.from([]);
        throw error;
      }
    });
  };

  return {
    address,
    async *list(begin, signal) {
      for (let token: string | undefined, more = true; more; ) {
        const command = new s3.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: `${prefix}${begin}`,
          ContinuationToken: token,
        });
        const page = await asked('listing what it has', signal, () => client.send(command, abortable(signal)));
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
          yield { name: Key.slice(prefix.length), bytes: Size, modifiedAt: LastModified };
        }
        token = page.NextContinuationToken;
        more = page.IsTruncated === true && token !== undefined;
      }
    },
    async readText(name, signal) {
      for (let tries = 1; ; tries += 1) {
        const bytes = await read(name, 0, signal);
        if (bytes === undefined) return undefined;
        try {
          const chunks: Uint8Array[] = [];
          for await (const chunk of bytes) chunks.push(chunk);
          return Buffer.concat(chunks).toString('utf8');
        } catch (error) {
          // A body that breaks off is no matter of the client's own tries.
          if (tries === triesOfRequest || !(error instanceof StorageError)) throw error;
        }
      }
    },
    read,
    putNew: (name, text, signal) =>
      asked(`putting ${name}`, signal, async () => {
        const digest = createHash('sha256').update(text).digest('base64');
        const command = new s3.PutObjectCommand({ ...at(name), Body: text, IfNoneMatch: '*', ChecksumSHA256: digest });
        for (let tries = 1; ; tries += 1) {
          try {
            await client.send(command, abortable(signal));
            return true;
          } catch (error) {
            if (isNamed(error, 'PreconditionFailed')) return false;
            // Another puts it at this moment, and may fail at it: S3 has both told to ask again, which its client does not.
            if (tries === triesOfRequest || !isNamed(error, 'ConditionalRequestConflict')) throw error;
            await sleep(tries * 200, undefined, { signal });
          }
        }
      }),
    putFile: (name, file, signal) =>
      asked(`putting ${name}`, signal, async () => {
        const put = file.bytes <= partBytes ? putWhole : putParts;
        try {
          await put(name, file, signal);
        } catch (error) {
          // Its end was lost: the server has it, and the try after that found no upload to end.
          if (!isNamed(error, 'NoSuchUpload') || (await sizeOf(name, signal)) !== file.bytes) throw error;
        }
      }),
    async remove(name, signal) {
      await asked(`removing ${name}`, signal, () =>
        client.send(new s3.DeleteObjectCommand(at(name)), abortable(signal)),
      );
    },
    abortUploads: (begin, signal) =>
      asked(`giving up what was uploaded in part of ${begin}`, signal, async () => {
        for (let from = {}, more = true; more; ) {
          const command = new s3.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: at(begin).Key, ...from });
          const page = await client.send(command, abortable(signal));
          for (const { Key, UploadId } of page.Uploads ?? []) {
            const command = new s3.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId });
            await client.send(command, abortable(signal)).catch((error: unknown) => {
              if (!isNamed(error, 'NoSuchUpload')) throw error;
            });
          }
          from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
          more = page.IsTruncated === true && page.NextKeyMarker !== undefined;
        }
      }),
    close: () => client.destroy(),
  };
}

/** A file's bytes; throws in place of its end where they are not those of its digest, so that an upload of them has none. */
async function* wholeOnly({ path, bytes, sha256 }: FileToPut): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let length = 0;
  let last: Buffer | undefined;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (last) yield last;
    last = chunk as Buffer;
    hash.update(last);
    length += last.length;
  }
  if (length !== bytes || hash.digest('hex') !== sha256) throw changed(path);
  if (last) yield last;
}

function changed(path: string): StoreError {
  return new StoreError(`${path} was changed since it was published: run descent verify, which says what is damaged`);
}

/** A body's bytes, as many as were announced; one that stands still, breaks off or is cut short throws. */
async function* inTime(
  body: Readable,
  length: number | undefined,
  explain: (error: unknown) => StorageError,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let came = 0;
  let silence = setTimeout(() => undefined, 0);
  const wait = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => body.destroy(Object.assign(new Error('silent'), { code: 'ETIMEDOUT' })), silenceMs);
  };
  const abort = (): void => void body.destroy(new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    wait();
    for await (const chunk of body) {
      wait();
      came += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    if (length !== undefined && came !== length) throw Object.assign(new Error('cut short'), { code: 'ECONNRESET' });
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(error);
  } finally {
    clearTimeout(silence);
    signal?.removeEventListener('abort', abort);
    body.destroy();
  }
}

function hexOf(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function base64Of(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
