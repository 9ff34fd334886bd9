/**
 * An OpenAI-compatible endpoint: POST <OPENAI_BASE_URL>/chat/completions. Neither its address nor its key is ever in a
 * message: they are the environment's, and messages go to logs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { TrainerFailure } from '../failure.ts';
import type { EndpointSettings } from './endpoint-settings.ts';

/** The model that is asked, and how. */
export interface Sampling {
  model: string;
  temperature: number;
  topP: number;
  /** Longest response. */
  maxTokens: number;
}

/** What the endpoint answered. */
export interface Reply {
  text: string;
  truncated: boolean;
  tokens?: number;
  model?: string;
}

/** How long it is waited for. */
export interface Patience {
  /** Seconds for one answer. */
  timeout: number;
  /** Seconds before each further try of what may pass; then it has failed. */
  waits: readonly number[];
  /** The longest that a server's Retry-After is followed, in seconds. */
  longestWait: number;
}

export interface Endpoint {
  /**
   * One response to a prompt, as a user's message.
   *
   * @throws TrainerFailure `no-network` where it did not answer, time and again; `no-access` or `bad-job` where it will not,
   * with what to do; the signal's reason when that is aborted
   */
  ask(prompt: string, seed: number, signal: AbortSignal): Promise<Reply>;
}

/** Node's `fetch` gives up on a server after 300 s of silence by itself, and then does not say so. */
const usualPatience: Patience = { timeout: 280, waits: [1, 2, 4, 8, 16, 32, 60], longestWait: 600 };

/**
 * The endpoint. What may pass is tried again: no connection, one that broke, silence, 408, 5xx, an answer that is no JSON; and
 * 429, after as long as the server says, for all requests together, since it is all of them that are too many. Those are
 * given up only when none gets through any more. `tell` gets a line on what fails a second time, one at a
 * time for all requests.
 */
export function createEndpoint(
  sampling: Sampling,
  settings: EndpointSettings,
  patience = usualPatience,
  tell: (line: string) => void = () => {},
): Endpoint {
  const { waits, longestWait } = patience;
  let [busyUntil, quietUntil, answered] = [0, 0, 0];
  return {
    async ask(prompt, seed, signal) {
      let [tries, seen] = [0, answered];
      for (;;) {
        while (Date.now() < busyUntil) await sleep(busyUntil - Date.now(), undefined, { signal });
        try {
          const reply = await request(sampling, settings, patience.timeout, { prompt, seed, signal });
          answered += 1;
          return reply;
        } catch (error) {
          if (!(error instanceof Passing)) throw error;
          if (error.isBusy && answered > seen) [tries, seen] = [0, answered];
          const wait = waits[tries];
          if (wait === undefined) throw givenUp(error, tries + 1);
          tries += 1;
          const milliseconds = 1000 * Math.min(error.retryAfter ?? wait, longestWait);
          if (tries > 1 && Date.now() >= quietUntil) {
            quietUntil = Date.now() + milliseconds;
            tell(`The endpoint at OPENAI_BASE_URL ${error.message}; it is asked again in ${milliseconds / 1000} s.`);
          }
          if (error.isBusy) busyUntil = Math.max(busyUntil, Date.now() + milliseconds);
          else await sleep(milliseconds, undefined, { signal });
        }
      }
    },
  };
}

/** A failure that may pass. */
class Passing extends Error {
  /** Too many requests: all have to wait. */
  readonly isBusy: boolean;
  /** Seconds, where the server says so. */
  readonly retryAfter: number | undefined;

  constructor(what: string, isBusy = false, retryAfter?: number) {
    super(what);
    this.isBusy = isBusy;
    this.retryAfter = retryAfter;
  }
}

function givenUp({ message }: Passing, tries: number): TrainerFailure {
  return new TrainerFailure(
    'no-network',
    `The endpoint at OPENAI_BASE_URL ${message}, ${tries} times in a row. What it has answered is kept: ` +
      'see that it runs, and start again; only the rest is asked.',
  );
}

async function request(
  { model, temperature, topP, maxTokens }: Sampling,
  settings: EndpointSettings,
  timeout: number,
  { prompt, seed, signal }: { prompt: string; seed: number; signal: AbortSignal },
): Promise<Reply> {
  const silence = AbortSignal.timeout(timeout * 1000);
  const messages = [{ role: 'user', content: prompt }];
  try {
    const response = await fetch(settings.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'descent',
        ...(settings.key === undefined ? {} : { authorization: `Bearer ${settings.key}` }),
      },
      body: JSON.stringify({ model, messages, temperature, top_p: topP, max_tokens: maxTokens, seed }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, silence]),
    });
    const body = await bodyOf(response);
    if (!response.ok) throw refusalOf(response, body, model, settings);
    return replyOf(body);
  } catch (error) {
    if (error instanceof Passing || error instanceof TrainerFailure) throw error;
    signal.throwIfAborted();
    if (silence.aborted) throw new Passing(`said nothing for ${timeout} s`);
    throw new Passing(`cannot be reached, or broke off (${codeOf(error)})`);
  }
}

/** What an answer may take: the longest responses are some hundred thousand characters. */
const mostBytes = 16 * 1024 * 1024;

async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > mostBytes) throw isOther(`more than ${mostBytes >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A response that was written, cut where it is as long as it may be. Of a message without text, the empty one. */
function replyOf(body: string): Reply {
  const parsed = parsedJson(body) as Partial<Completion> | null | undefined;
  if (parsed === undefined) throw new Passing('answered with something that is not JSON');
  const choice = parsed?.choices?.[0];
  const text = choice?.message?.content ?? (choice?.message === undefined ? undefined : '');
  if (typeof text !== 'string') throw isOther('JSON that has no choices[0].message');
  const tokens = parsed?.usage?.completion_tokens;
  return {
    text,
    truncated: choice?.finish_reason === 'length',
    ...(typeof tokens === 'number' && { tokens }),
    ...(typeof parsed?.model === 'string' && { model: parsed.model }),
  };
}

/** What of a completion is read; each may be missing, whatever the type says. */
interface Completion {
  model?: unknown;
  choices: { message?: { content?: unknown }; finish_reason?: unknown }[];
  usage?: { completion_tokens?: unknown };
}

function isOther(what: string): TrainerFailure {
  return new TrainerFailure(
    'no-access',
    `The endpoint at OPENAI_BASE_URL answered with ${what}: it is no OpenAI-compatible server. Its address mostly ends in /v1; ` +
      'a proxy or a sign-in page may stand before it.',
  );
}

function refusalOf({ status, headers }: Response, body: string, model: string, { key, url }: EndpointSettings): Error {
  const { message, code } = errorIn(body);
  const said = message === undefined ? '' : `: ${shortened(withoutSecrets(message, key, url))}`;
  const refuse = (kind: 'no-access' | 'bad-job', what: string) =>
    new TrainerFailure(kind, `The endpoint at OPENAI_BASE_URL answered ${status}${what}`);
  if (code === 'insufficient_quota')
    return refuse(
      'no-access',
      `${said}. Its account has nothing left: pay in, and start again; only the rest is asked.`,
    );
  if (status === 429) return new Passing('answered 429, too many requests', true, retryAfter(headers));
  if (status === 408 || status >= 500) return new Passing(`answered ${status}`, false, retryAfter(headers));
  if (status === 401 || status === 403)
    // What it says of a wrong key may quote it.
    return refuse(
      'no-access',
      key === undefined
        ? ': it wants a key. Set OPENAI_API_KEY, where the worker is started.'
        : `: the key in OPENAI_API_KEY may not use ${model}. Set it, where the worker is started, to one that may.`,
    );
  if (status >= 300 && status < 400)
    return refuse('no-access', ': it sends on to somewhere else. Set OPENAI_BASE_URL to where that is.');
  if (status === 404)
    return refuse(
      'no-access',
      `${said}. Either it has no model ${model} (\`endpoint\` in the lineage file), or its address is another: it mostly ends in /v1.`,
    );
  return refuse('bad-job', `${said}. It does not take what it is asked: change the stage, or take another endpoint.`);
}

/** Seconds that a Retry-After header says, or until the date that it says. */
function retryAfter(headers: Headers): number | undefined {
  const said = headers.get('retry-after') ?? '';
  if (/^\d+(\.\d+)?$/.test(said)) return Number(said);
  const date = Date.parse(said);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

function errorIn(body: string): { message?: string; code?: unknown } {
  const { error } = (parsedJson(body) ?? {}) as { error?: unknown };
  if (typeof error === 'string') return { message: error };
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  return { ...(typeof message === 'string' && { message }), code };
}

/** Undefined of what is no JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutSecrets(text: string, key: string | undefined, { host }: URL): string {
  const secrets = [key, host].filter((secret) => secret !== undefined);
  return secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, '…'), text);
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim().replace(/\.$/, '');
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`;
}

/** `ECONNREFUSED`: what else an error says may quote the address. */
function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const found = cause?.code ?? code;
  return typeof found === 'string' ? found : 'no code';
}
