// What `descent doctor` finds on this machine, and on one where things are missing.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type DoctorReport, doctor } from '../../cli/doctor.ts';
import { makeWorld, packageRoot, runNode, temporaryFolder } from './support.ts';

const find = ({ checks }: DoctorReport, name: string) => checks.find((check) => check.name === name);

test('after set-up nothing is missing, and every check says what it found', async (t) => {
  const report = await doctor({ DESCENT_HOME: 'home' }, await temporaryFolder(t));
  assert.deepEqual(
    report.checks.filter(({ status }) => status === 'missing'),
    [],
  );
  assert.equal(report.healthy, true);
  assert.match(
    find(report, 'TensorFlow multiplies (cpu)')?.found ?? '',
    /^2\.21\.0 on the cpu, loaded and right in [\d.]+ s$/,
  );
  assert.match(
    find(report, 'bfloat16 (cpu)')?.found ?? '',
    /^(multiplied by units for it|no units for it: rounded, and)/,
  );
  assert.match(find(report, 'DuckDB')?.found ?? '', /^v\d/);
  assert.match(find(report, 'Home folder')?.found ?? '', /descent set-up .*\/home, [\d.]+ GB free$/);
  for (const { found, status, remedy } of report.checks) {
    assert.notEqual(found, '');
    assert.equal(remedy !== undefined, status !== 'ok');
  }
});

test('a home that cannot be written is missing, with the remedy', async () => {
  const home = find(await doctor({ DESCENT_HOME: join(packageRoot, 'package.json', 'home') }), 'Home folder');
  assert.equal(home?.status, 'missing');
  assert.match(home?.remedy ?? '', /--home or DESCENT_HOME$/);
});

test('a configuration that cannot be read is missing', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'temporal.config.json'), '{broken');
  const report = await doctor({}, folder);
  assert.equal(report.healthy, false);
  assert.equal(find(report, 'Configuration')?.status, 'missing');
  assert.match(find(report, 'Configuration')?.found ?? '', /^cannot read .*temporal\.config\.json: /);
});

test('on a bare machine it names what is missing and what to do, and changes nothing', async (t) => {
  const env = await makeWorld(await temporaryFolder(t), {});
  const module = JSON.stringify(pathToFileURL(join(packageRoot, 'dist', 'cli', 'doctor.js')).href);
  const program = `import(${module}).then(async (m) => console.log(JSON.stringify(await m.doctor())))`;
  const { stdout } = await runNode(['-e', program], { env });
  const report: DoctorReport = JSON.parse(stdout);
  assert.equal(report.healthy, false);
  assert.deepEqual(
    report.checks.filter(({ status }) => status === 'missing').map(({ name, found }) => `${name}: ${found}`),
    [
      'Python with pip: there is no Python 3 on PATH; set-up downloads TensorFlow and Temporal with its pip',
      'C++ compiler: there is no C++ compiler (g++, c++, clang++) on PATH; set-up builds the binding between Node and TensorFlow',
      'TensorFlow runtime (cpu): no libraries, no binding, no link of TensorFlow 2.21.0',
      'Temporal server: none on PATH, none fetched',
    ],
  );
  assert.equal(find(report, 'TensorFlow multiplies (cpu)')?.found, 'not tried: the runtime is missing');
});
