/**
 * Why something of the object storage could not be had or put there: `no-network` may be otherwise in a while,
 * `no-access` only when somebody does something, and `bad-download` is an object that is not what its manifest says.
 */
export type StorageErrorKind = 'no-network' | 'no-access' | 'bad-download';

/** The message says what failed and where, and what to do about it after a colon. No key or signature is ever in it. */
export class StorageError extends Error {
  override name = 'StorageError';
  readonly kind: StorageErrorKind;

  constructor(kind: StorageErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** What the client's errors tell of themselves. */
interface Told {
  name?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/** Nobody may do what was asked, or it is asked of the wrong place: trying again changes nothing. */
const refusals: Readonly<Record<string, string>> = {
  AccessDenied: 'its policy does not let these credentials do that',
  InvalidAccessKeyId: 'the access key is not known there: see AWS_ACCESS_KEY_ID, or ~/.aws',
  XAdminUserNotFound: 'the access key is not known there: see AWS_ACCESS_KEY_ID, or ~/.aws',
  SignatureDoesNotMatch: 'the secret key is not that of the access key: see AWS_SECRET_ACCESS_KEY, or ~/.aws',
  ExpiredToken: 'the credentials have expired: get new ones',
  InvalidToken: 'the session token is none: see AWS_SESSION_TOKEN',
  CredentialsProviderError: 'no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws',
  TokenProviderError: 'no credentials were found: log in again (aws sso login)',
  RequestTimeTooSkewed: "this machine's clock is not the server's: set it",
  NoSuchBucket: 'there is no such bucket: make it, or correct `storage` in temporal.config',
  InvalidBucketName: 'a bucket cannot have that name: correct `storage` in temporal.config',
  PermanentRedirect: 'the bucket lies in another region: correct `storage` in temporal.config',
  AuthorizationHeaderMalformed: 'the bucket lies in another region: correct `storage` in temporal.config',
  NotImplemented: 'that server lacks what Descent needs: conditional writes and multipart uploads',
};

/** Refusals by name though their status says that it is the request's fault: bytes that were changed or lost on their way. */
const passing = new Set(['BadDigest', 'IncompleteBody', 'RequestTimeout', 'XAmzContentSHA256Mismatch', 'InvalidPart']);

/**
 * The StorageError for what the client threw while it did something (`reading the manifest of base@seed=1`). Only the
 * error's name and status are told: the rest of it may have the request's signature.
 */
export function storageError(error: unknown, place: string, what: string): StorageError {
  if (error instanceof StorageError) return error;
  const { name = 'Error', code, $metadata } = (error ?? {}) as Told;
  const status = $metadata?.httpStatusCode;
  const refusal = refusals[name];
  if (refusal !== undefined) return new StorageError('no-access', `${place}, ${what}: ${refusal}`);
  const told = status === undefined ? (code ?? name) : `${name}, HTTP ${status}`;
  const isRefused = status !== undefined && status >= 300 && status < 500 && ![404, 408, 409, 429].includes(status);
  if (isRefused && !passing.has(name)) {
    return new StorageError(
      'no-access',
      `${place}, ${what}: it refuses that (${told}): see its policy and the credentials`,
    );
  }
  return new StorageError('no-network', `${place}, ${what}: it could not be reached, or broke off (${told})`);
}

/** Whether the client's error has a name, as S3 gives it. */
export function isNamed(error: unknown, name: string): boolean {
  return ((error ?? {}) as Told).name === name;
}

/** Whether the client was told that nothing of that name is there. */
export function isMissing(error: unknown): boolean {
  const { name, $metadata } = (error ?? {}) as Told;
  return (
    name === 'NoSuchKey' ||
    name === 'NotFound' ||
    (name !== 'NoSuchBucket' &&
      $metadata?.httpStatusCode === 404 &&
      name !== 'XAdminUserNotFound' &&
      name !== 'NoSuchUpload')
  );
}
