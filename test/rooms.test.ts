// Which room imports from which, as the table in docs/architecture.md has it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from './cli/support.ts';

const map = readFileSync(join(packageRoot, 'docs', 'architecture.md'), 'utf8');
const rows = [...map.matchAll(/^\| `(\w+)\/` \|.*\| (.*) \|$/gm)].map(
  ([, room, may]) => [room, may] as [string, string],
);
const rooms = rows.map(([room]) => room);

/** The rooms that a cell of the table names; `everything but` those. */
function named(cell: string): string[] {
  const found = rooms.filter((room) => new RegExp(`\\b${room}\\b`).test(cell));
  return cell.startsWith('everything but') ? rooms.filter((room) => !found.includes(room)) : found;
}

/** `file: imported` of every import in a room that leads into another one. */
function importsOf(room: string): { file: string; into: string }[] {
  const files = readdirSync(join(packageRoot, room), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(packageRoot, room, file), 'utf8');
      return [...text.matchAll(/(?:from|import)\s*\(?'(?:\.\.\/)+(\w+)\//g)].map(([, into]) => ({
        file: `${room}/${file}`,
        into: into as string,
      }));
    })
    .filter(({ into }) => into !== room && rooms.includes(into));
}

test('each room has one row, and imports from the rooms that the row names and no other', () => {
  assert.deepEqual(rooms, [...new Set(rooms)]);
  assert.ok(rooms.length >= 9, rooms.join());
  const wrong = rows.flatMap(([room, may]) => importsOf(room).filter(({ into }) => !named(may).includes(into)));
  assert.deepEqual(wrong, []);
  assert.ok(importsOf('cli').length > 100, 'imports are found');
});
