import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '../store/write.ts';
import { referencePages } from './pages.ts';

// `npm run generate`: writes docs/reference/, and removes pages that nothing makes any more.
const folder = fileURLToPath(new URL('../../docs/reference/', import.meta.url));
const pages = await referencePages();
await mkdir(folder, { recursive: true });
for (const name of await readdir(folder)) if (!pages.has(name)) await rm(join(folder, name));
for (const [name, text] of pages) await writeWhole(join(folder, name), text);
