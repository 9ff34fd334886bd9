import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import picocolors from 'picocolors';
import { descent, temporaryFolder, writeDevices, writeLineage } from './support.ts';

test('graph: a tree, some of it, and what it has for other programs', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const graph = (...args: string[]) => descent(['graph', 'lineage.yaml', ...args], folder);
  deepEqual(await graph(), {
    exitCode: 0,
    stdout: 'tokenizer:bytes\n├─ base@lr=1e-3  [heldout]\n└─ base@lr=3e-3  [heldout]\n',
    stderr: '',
  });
  deepEqual(await graph('--select', '+base@lr=0.003'), {
    exitCode: 0,
    stdout: 'tokenizer:bytes\n└─ base@lr=3e-3\n',
    stderr: '',
  });
  match((await graph('--format', 'mermaid')).stdout, /^flowchart TD\n {2}n0\{\{"tokenizer:bytes"\}\}:::run\n/);
  match((await graph('--format', 'dot', '--select', 'base')).stdout, /^digraph "small" \{\n[\s\S]*\n\}\n$/);
  const { nodes, edges } = JSON.parse((await graph('--json', '--select', 'lr:1e-3+')).stdout) as {
    nodes: { address: string; type: string; verdict: string }[];
    edges: object[];
  };
  deepEqual(
    nodes.map(({ address, type, verdict }) => [address, type, verdict]),
    [
      ['base@lr=1e-3', 'pretrain', 'run'],
      ['base@lr=1e-3/heldout', 'evaluate', 'run'],
    ],
  );
  deepEqual(edges, [{ from: 'base@lr=1e-3', to: 'base@lr=1e-3/heldout', role: 'parent' }]);
  equal((await graph('--json', '--format', 'dot')).exitCode, 1);
  equal((await graph('--format', 'text')).stdout, (await graph()).stdout);
});

test('graph: in the colours of the verdicts', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  const { stdout } = await descent(['graph', 'lineage.yaml'], folder, { env: { FORCE_COLOR: '1' } });
  const { green } = picocolors.createColors(true);
  equal(stdout.split('\n')[2], `└─ ${green('base@lr=3e-3')}  [${green('heldout')}]`);
});

test('graph refuses what validate refuses', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder, 'lineage: [\n');
  const { exitCode, stdout } = await descent(['graph', 'lineage.yaml'], folder);
  deepEqual([exitCode, stdout], [3, '']);
});

test('plan --select: those nodes and their total, for a person and as JSON', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  await writeDevices(folder);
  const whole = (await descent(['plan', 'lineage.yaml'], folder)).stdout.split('\n');
  const { exitCode, stdout, stderr } = await descent(
    ['plan', 'lineage.yaml', '--select', 'base@lr=3e-3', '--select', 'lr:1e-3,type:evaluate'],
    folder,
  );
  deepEqual([exitCode, stderr], [0, '']);
  deepEqual(
    stdout
      .split('\n')
      .slice(0, 3)
      .map((line) => line.replace(/ +/g, ' ')),
    [...[whole[2], whole[3]].map((line) => line?.replace(/ +/g, ' ')), '2 nodes: 2 run · 8,192 tokens · 6.25e8 FLOP'],
  );
  const json = await descent(['plan', 'lineage.yaml', '--json', '--select', 'type:evaluate'], folder);
  const { nodes, total } = JSON.parse(json.stdout) as { nodes: { address: string }[]; total: { nodes: number } };
  deepEqual(
    nodes.map(({ address }) => address),
    ['base@lr=1e-3/heldout', 'base@lr=3e-3/heldout'],
  );
  equal(total.nodes, 2);
});

test('a selector that names nothing: exit code 1, every one with its place; nothing is run', async (t) => {
  const folder = await temporaryFolder(t);
  await writeLineage(folder);
  for (const verb of ['plan', 'graph', 'run']) {
    deepEqual(await descent([verb, 'lineage.yaml', '--select', '+bas', '--select', 'state:failed'], folder), {
      exitCode: 1,
      stdout: '',
      stderr: [
        'error: there is no stage `bas`',
        '    +bas',
        '     ^^^',
        '  expected: base',
        '  hint: did you mean `base`?',
        'no node is failed: 5 waiting',
        '    state:failed',
        '          ^^^^^^',
        '',
      ].join('\n'),
    });
  }
});
