import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { environmentOf } from '../../engines/environment.ts';
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

  test('is made anew where its Python is gone, which was the one of the machine', async (t) => {
    machine(t, uv);
    const { python } = await environmentOf('trl');
    rmSync(python);
    symlinkSync('/nowhere/python3.11', python);
    await environmentOf('trl');
    assert.ok(existsSync(python));
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
