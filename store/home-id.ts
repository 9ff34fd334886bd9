import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from './errors.ts';
import { writeNew } from './write.ts';

/**
 * What tells a home from all others, wherever it lies and whatever machines share it: twelve hexadecimal digits, chosen when
 * it is first asked for. Throws a StoreError where the file that has them (`id`) was changed.
 */
export async function homeId(home: string): Promise<string> {
  const path = join(home, 'id');
  if (!existsSync(path)) await writeNew(path, `${randomBytes(6).toString('hex')}\n`);
  const id = readFileSync(path, 'utf8').trim();
  if (!/^[0-9a-f]{12}$/.test(id))
    throw new StoreError(`${path} is no longer a home's id: remove it, and end what runs here first`);
  return id;
}
