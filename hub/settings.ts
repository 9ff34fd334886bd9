import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { HubError } from './errors.ts';

/** How the Hugging Face Hub is reached: as its own libraries read it from the environment, by the same names. */
export interface HubSettings {
  /** `HF_ENDPOINT`: a mirror, or the Hub itself. Without a slash at its end. */
  endpoint: string;
  /** `HF_TOKEN`. Sent to the endpoint alone, and said nowhere. */
  token: string | undefined;
  /** `HF_HUB_OFFLINE`: nothing is asked of any server; what its libraries have downloaded is there all the same. */
  offline: boolean;
  /** Where they keep that: `HF_HUB_CACHE`, else `hub` in `HF_HOME`. Read, never written. */
  cache: string;
  /** Seconds without a byte after which a server counts as gone: `HF_HUB_DOWNLOAD_TIMEOUT`. */
  timeoutSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws a `no-access` HubError where the endpoint is no address. */
export function hubSettings(env: Environment): HubSettings {
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT);
  return {
    endpoint: endpointOf(env.HF_ENDPOINT || 'https://huggingface.co'),
    token: env.HF_TOKEN?.trim() || undefined,
    offline: isTrue(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE),
    cache: resolve(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(homeOf(env), 'hub')),
    timeoutSeconds: seconds > 0 ? seconds : 10,
  };
}

function homeOf(env: Environment): string {
  return env.HF_HOME || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'huggingface');
}

function isTrue(value: string | undefined): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes(value?.toUpperCase() ?? '');
}

/** What is wrong with it is said without it: somebody may have put a password there. */
function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new HubError('no-access', 'HF_ENDPOINT is no address that begins with https:// or http://');
  if (url.username || url.password)
    throw new HubError('no-access', 'HF_ENDPOINT has a name or a password in it: put a token into HF_TOKEN instead');
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
