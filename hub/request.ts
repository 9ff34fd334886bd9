import { HubError } from './errors.ts';
import type { HubSettings } from './settings.ts';

/** A repository at a commit. */
export interface Revision {
  /** owner/name. */
  hub: string;
  /** What it is of. Default: a model. */
  kind?: 'model' | 'dataset';
  /** The commit. */
  revision: string;
}

/** Where a repository stands on the Hub's pages: models at the top, data sets below `datasets`. */
export function addressOf({ hub, kind }: Revision): string {
  return kind === 'dataset' ? `datasets/${hub}` : hub;
}

/** What is asked for, as sentences name it, and how. */
export interface Asked {
  revision: Revision;
  /** `config.json of owner/name`. */
  what: string;
  /** The first byte that is wanted of it; all where it is 0. */
  from?: number;
  signal?: AbortSignal | undefined;
}

/** An answer that is no failure, and its bytes as they come. */
export interface Answer {
  /** 206 where it begins at the byte that was asked for, 200 where at the first. */
  status: number;
  headers: Headers;
  /** Rejects with a `no-network` HubError when the server says nothing for too long, or the connection breaks. */
  bytes: AsyncIterable<Uint8Array>;
}

/**
 * Asks the endpoint for a path. The token goes to it alone: where it sends on to another server, as it does for large files,
 * `fetch` leaves the token out.
 *
 * @throws HubError `no-network` where nobody answers, or says that it cannot now; `no-access` where it will not, with what to
 * do; the signal's reason when it is aborted.
 */
export async function request(settings: HubSettings, path: string, asked: Asked): Promise<Answer> {
  const { endpoint, token, timeoutSeconds } = settings;
  const { what, from = 0, signal } = asked;
  const silence = new AbortController();
  const waiting = setTimeout(() => silence.abort(), timeoutSeconds * 1000);
  const failed = (error: unknown, how: string): unknown => {
    clearTimeout(waiting);
    if (signal?.aborted) return signal.reason;
    const why = silence.signal.aborted
      ? `said nothing for ${timeoutSeconds} s (HF_HUB_DOWNLOAD_TIMEOUT)`
      : `${how} (${codeOf(error)})`;
    return new HubError('no-network', `${what}: ${endpoint} ${why}`);
  };
  let response: Response;
  try {
    response = await fetch(endpoint + path, {
      headers: {
        'user-agent': 'descent',
        'accept-encoding': 'identity', // a range is of the bytes as they are
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(from > 0 ? { range: `bytes=${from}-` } : {}),
      },
      signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
    });
  } catch (error) {
    throw failed(error, 'cannot be reached');
  }
  const refusal = refusalOf(response, settings, asked);
  if (refusal) {
    clearTimeout(waiting);
    await response.body?.cancel();
    throw refusal;
  }
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) {
        waiting.refresh();
        yield chunk;
      }
    } catch (error) {
      throw failed(error, 'broke off');
    } finally {
      clearTimeout(waiting);
    }
  }
  return { status: response.status, headers: response.headers, bytes: bytes() };
}

/** What an answer in JSON may take: a list of all the files of a repository takes some hundred bytes for each. */
const jsonBytes = 16 * 1024 * 1024;

/**
 * Everything of an answer that is JSON.
 *
 * @throws HubError as `request` does; `no-access` where it is no JSON, or is longer than 16 MiB.
 */
export async function requestJson(settings: HubSettings, path: string, asked: Asked): Promise<unknown> {
  const hint = 'check HF_ENDPOINT; a proxy or a sign-in page may stand before it';
  const isOther = (what: string) =>
    new HubError('no-access', `${asked.what}: ${settings.endpoint} answers with ${what}: ${hint}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (await request(settings, path, asked)).bytes) {
    length += chunk.length;
    if (length > jsonBytes) throw isOther(`more than the ${jsonBytes >> 20} MiB that an answer may take`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw isOther('something that is not JSON');
  }
}

/** What an answer says that is none; undefined of those that are. The Hub names its reasons in a header of its own. */
function refusalOf(
  { ok, status, headers }: Response,
  { endpoint, token }: HubSettings,
  { what, revision: { hub, revision } }: Asked,
): HubError | undefined {
  if (ok) return undefined;
  const reason = headers.get('x-error-code') ?? '';
  const refuse = (why: string) => new HubError('no-access', `${what}: ${why}`);
  if (status === 408 || status === 416 || status === 429 || status >= 500)
    return new HubError('no-network', `${what}: ${endpoint} answered ${status}; it may do better in a while`);
  if (reason === 'GatedRepo')
    return refuse(
      `${hub} is gated: accept its terms at ${endpoint}/${hub}, and set HF_TOKEN, where the worker is started, to a token of that account`,
    );
  if (reason === 'RevisionNotFound')
    return refuse(`${hub} has no commit ${revision}: its commits are at ${endpoint}/${hub}/commits/main`);
  if (status === 401 || status === 403)
    return token === undefined
      ? refuse(
          `${endpoint} answered ${status}: there is no ${hub}, or it is private; then set HF_TOKEN, where the worker is started, to a token that may read it`,
        )
      : refuse(`${endpoint} answered ${status}: the token in HF_TOKEN may not read ${hub}; give it one that may`);
  if (status === 404) return refuse(`${endpoint} answered 404: check the name ${hub} and the commit ${revision}`);
  return refuse(`${endpoint} answered ${status}`);
}

/** `ECONNREFUSED`: fetch says no more than that it failed, and its cause may quote an address with a signature in it. */
function codeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: unknown } } | undefined)?.cause;
  return typeof cause?.code === 'string' ? cause.code : 'no code';
}
