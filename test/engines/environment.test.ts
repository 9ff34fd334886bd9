import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { environmentOf, inspectEnvironment } from '../../engines/environment.ts';
import type { TrainerFailure } from '../../trainer/failure.ts';
import { temporaryFolder } from '../trainer/support.ts';

/** Stands in a machine with an empty cache, and with a `uv` that runs a script; without one where there is no script. */
function machine(t: TestContext, script?: string): string {
  const folder = temporaryFolder(t);
  const { PATH, XDG_CACHE_HOME } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  });
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  if (script !== undefined) writeFileSync(join(programs, 'uv'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  Object.assign(process.env, { PATH: programs, XDG_CACHE_HOME: join(folder, 'cache') });
  return folder;
}

/** A `uv` whose environments have a Python that does nothing. */
const uv = '[ "$1" = venv ] || exit 0; for folder; do :; done; /bin/mkdir -p "$folder/bin"; : > "$folder/bin/python"';

describe('the environment of an engine', () => {
  test('is made once, by uv where that is on PATH', async (t) => {
    const folder = machine(t, uv);
    const made = await environmentOf('trl');
    assert.ok(existsSync(join(made.python, '..', '..', 'descent-ready')));
    machineWithout(folder);
    assert.deepEqual(await environmentOf('trl'), made);
  });

  test('is made anew where its Python is gone, which was the one of the machine; who runs in the old one keeps it', async (t) => {
    machine(t, uv);
    const { python } = await environmentOf('trl');
    const used = join(python, '..', '..', 'lib.py');
    writeFileSync(used, '');
    rmSync(python);
    symlinkSync('/nowhere/python3.11', python);
    const made = await environmentOf('trl');
    assert.notEqual(made.python, python);
    assert.ok(existsSync(made.python) && existsSync(used));
    assert.deepEqual(await environmentOf('trl'), made);
  });

  test('whose installation was killed is made anew, and nothing is left of that', async (t) => {
    const folder = machine(t, uv);
    const { lock } = await inspectEnvironment('trl');
    const [engines, locks] = [join(folder, 'cache', 'descent', 'engines'), join(folder, 'cache', 'descent', 'locks')];
    const [half, other] = [join(engines, `trl-${lock}.dead`), join(engines, 'verl-000000000000.dead')];
    for (const one of [half, other]) mkdirSync(join(one, 'bin'), { recursive: true });
    writeFileSync(join(half, 'bin', 'python'), '');
    mkdirSync(locks);
    // Of a process that is no more.
    const { pid } = spawnSync('/bin/true');
    writeFileSync(join(locks, `engine-trl-${lock}`), JSON.stringify({ pid, host: hostname() }));
    const { python } = await environmentOf('trl');
    assert.equal(readdirSync(engines).filter((name) => name.startsWith('trl-')).length, 1);
    assert.ok(existsSync(python) && !python.startsWith(half) && existsSync(other));
  });

  test('that cannot be made leaves nothing', async (t) => {
    const folder = machine(t, '[ "$1" = venv ] || exit 1; for folder; do :; done; /bin/mkdir -p "$folder/bin"');
    await refusal();
    assert.deepEqual(readdirSync(join(folder, 'cache', 'descent', 'engines')), []);
  });

  for (const [says, kind, remedy] of [
    ['error: No space left on device (os error 28)', 'disk-full', /XDG_CACHE_HOME/],
    ['error: Failed to fetch: dns error: Temporary failure in name resolution', 'no-network', /reaches PyPI/],
    ['error: Hash mismatch for `torch==2.15.0`', 'bad-job', /take PyPI/],
    ['error: No interpreter found for Python >=3.11', 'bad-job', /Python 3.11 to 3.13/],
    ['error: something else', 'bad-job', /by hand/],
  ] as const)
    test(`that cannot be made (${says}) says what to do`, async (t) => {
      machine(t, `echo '${says}' >&2; exit 1`);
      const failure = await refusal();
      assert.equal(failure.kind, kind);
      assert.match(failure.message, remedy);
      assert.ok(failure.message.includes(says) && failure.message.includes('TRL'), failure.message);
    });

  test('needs a Python', async (t) => {
    machine(t);
    const failure = await refusal();
    assert.equal(failure.kind, 'bad-job');
    assert.match(failure.message, /Python 3.11 to 3.13: install one of these, or uv/);
  });
});

/** From now on there is nothing to install with. */
function machineWithout(folder: string): void {
  process.env.PATH = join(folder, 'nowhere');
}

async function refusal(): Promise<TrainerFailure> {
  return environmentOf('trl').then(
    () => assert.fail('it was made'),
    (error: TrainerFailure) => error,
  );
}
