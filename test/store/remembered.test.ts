import { deepEqual, equal } from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Manifest } from '../../schemas/types/manifest.ts';
import { verifyArtifact } from '../../store/artifact.ts';
import { attemptFolder, keyFolder } from '../../store/home.ts';
import { rememberingInspector } from '../../store/remembered.ts';
import { makePlan } from '../results/lineage.ts';
import { runNode } from '../results/run.ts';
import { temporaryHome } from './support.ts';

test('what is done is remembered until an attempt comes or goes, or something in its folder does', async (t) => {
  const home = await temporaryHome(t);
  const [node, other] = makePlan({}).nodes;
  if (!node || !other) throw new Error('a plan has nodes');
  const inspector = rememberingInspector(home);
  const look = async () => {
    const state = await inspector.look([node, other]);
    equal(state(other.key).state, 'none');
    return state(node.key);
  };
  equal((await look()).state, 'none');
  await runNode(home, node);
  const done = await look();
  equal(done.state, 'done');
  deepEqual(await look(), done);

  const folder = attemptFolder(home, node.key, 1);
  const artifact = { ...(JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest), folder };
  await writeFile(join(folder, 'model', 'config.json'), '{"changed": true}');
  equal((await verifyArtifact(artifact)).ok, false);
  equal((await look()).state, 'damaged', 'what verify notes is seen');
  await writeFile(join(folder, 'model', 'config.json'), '{}');
  await verifyArtifact(artifact);
  equal((await look()).state, 'done');

  await runNode(home, node, undefined, 2);
  deepEqual([(await inspector.look([{ ...node, attempt: 2 }]))(node.key, 2).state], ['done']);
  await mkdir(attemptFolder(home, node.key, 3));
  equal((await look()).state, 'done', 'an attempt that has only begun takes no place');
  await rm(keyFolder(home, node.key), { recursive: true });
  equal((await look()).state, 'none');
});
