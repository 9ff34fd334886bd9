import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Content } from './http.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/**
 * The files of the page, by the path that they are asked for: what is not among those that the folder had when the server
 * began cannot be asked for, whatever a path says. Other files than a page is made of are left out.
 */
export async function pageFiles(folder: string): Promise<(path: string) => Promise<Content> | undefined> {
  const entries = existsSync(folder) ? await readdir(folder, { recursive: true, withFileTypes: true }) : [];
  const files = new Map<string, string>();
  for (const entry of entries) {
    const file = join(entry.parentPath ?? entry.path, entry.name);
    const path = `/${file.slice(folder.length).replaceAll('\\', '/').replace(/^\/+/, '')}`;
    if (entry.isFile() && extname(file) in types) files.set(path, file);
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return (path) => {
    const file = files.get(path);
    return file === undefined ? undefined : contentOf(file);
  };
}

async function contentOf(file: string): Promise<Content> {
  return {
    status: 200,
    type: types[extname(file)] as string,
    body: await readFile(file),
    // Names do not change from one version to the next.
    headers: { 'cache-control': 'no-cache' },
  };
}
