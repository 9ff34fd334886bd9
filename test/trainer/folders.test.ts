import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { TrainerFailure } from '../../trainer/failure.ts';
import { writeFolder, writeLines, writeWhole } from '../../trainer/folders.ts';
import { temporaryFolder } from './support.ts';

const fenced = () => {
  throw new TrainerFailure('fenced', 'Another has the lease.');
};

/** An execution that stands still in the middle of filling `path`, until `goOn`. */
function halfway(path: string, said: string, checkLease: () => void) {
  let goOn = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let begun = (_: string) => {};
  const temporary = new Promise<string>((resolve) => {
    begun = resolve;
  });
  const fill = async (folder: string) => {
    await writeFile(join(folder, 'weights'), `half of ${said}`);
    begun(folder);
    await held;
    await appendFile(join(folder, 'weights'), `, all of ${said}`);
    await writeFile(join(folder, 'state'), said);
  };
  return { temporary, goOn, ended: writeFolder(path, fill, checkLease) };
}

describe('a folder that two executions write at once', () => {
  it('is that of the one that holds the lease, though the other ends in the middle of it', async (t) => {
    const path = join(temporaryFolder(t), 'step-000010');
    const holder = halfway(path, 'the holder', () => {});
    await holder.temporary;
    await assert.rejects(
      writeFolder(path, (folder) => writeFile(join(folder, 'weights'), 'a zombie'), fenced),
      { kind: 'fenced' },
    );
    holder.goOn();
    await holder.ended;
    assert.deepEqual(readdirSync(path).sort(), ['state', 'weights']);
    assert.equal(readFileSync(join(path, 'weights'), 'utf8'), 'half of the holder, all of the holder');
  });

  it('has nothing of the one that lost the lease, though it fills it for longer', async (t) => {
    const root = temporaryFolder(t);
    const path = join(root, 'step-000010');
    const zombie = halfway(path, 'a zombie', fenced);
    const abandoned = await zombie.temporary;
    await writeFolder(
      path,
      (folder) => writeFile(join(folder, 'weights'), 'the holder'),
      () => {},
    );
    assert.ok(!existsSync(abandoned), 'what the other had filled is gone');
    zombie.goOn();
    await assert.rejects(zombie.ended, { kind: 'fenced' });
    assert.equal(readFileSync(join(path, 'weights'), 'utf8'), 'the holder');
    assert.deepEqual(readdirSync(root), ['step-000010']);
  });

  it('leaves what is filled to its execution, where the other has lost the lease', async (t) => {
    const root = temporaryFolder(t);
    const holder = halfway(join(root, 'step-000020'), 'the holder', () => {});
    await holder.temporary;
    await assert.rejects(
      writeFolder(join(root, 'step-000010'), async () => {}, fenced),
      { kind: 'fenced' },
    );
    holder.goOn();
    await holder.ended;
    assert.deepEqual(readdirSync(root), ['step-000020']);
  });
});

describe('a folder', () => {
  it('takes what killed executions left beside it, and nothing else', async (t) => {
    const root = temporaryFolder(t);
    for (const name of ['.step-000005.killed.folder.tmp', '.lease.json.1.tmp', 'step-000005'])
      mkdirSync(join(root, name));
    await writeFolder(
      join(root, 'step-000010'),
      async () => {},
      () => {},
    );
    assert.deepEqual(readdirSync(root).sort(), ['.lease.json.1.tmp', 'step-000005', 'step-000010']);
  });

  it('may be read by whom the umask lets', async (t) => {
    const root = temporaryFolder(t);
    await writeFolder(
      join(root, 'model'),
      async () => {},
      () => {},
    );
    mkdirSync(join(root, 'usual'));
    assert.equal(statSync(join(root, 'model')).mode, statSync(join(root, 'usual')).mode);
  });

  it('is not there when filling it failed, and says why it did', async (t) => {
    const root = temporaryFolder(t);
    const fill = async () => {
      throw new Error('no room');
    };
    await assert.rejects(
      writeFolder(join(root, 'model'), fill, () => {}),
      /no room/,
    );
    assert.deepEqual(readdirSync(root), []);
  });
});

describe('a file', () => {
  it('takes the place of the one before, and is not there when it could not', async (t) => {
    const root = temporaryFolder(t);
    const path = join(root, 'learned.jsonl');
    await writeLines(path, [{ step: 1 }, { step: 2 }]);
    assert.equal(readFileSync(path, 'utf8'), '{"step":1}\n{"step":2}\n');
    await writeWhole(path, 'other');
    assert.equal(readFileSync(path, 'utf8'), 'other');
    mkdirSync(join(root, 'taken'));
    await assert.rejects(writeWhole(join(root, 'taken'), 'no'), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(root).sort(), ['learned.jsonl', 'taken']);
  });
});
