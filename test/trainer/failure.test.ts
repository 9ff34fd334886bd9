import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toConfig } from '../../trainer/config.ts';
import { describeFailure, TrainerFailure } from '../../trainer/failure.ts';
import { matMul } from '../../trainer/kernels.ts';
import { tf } from '../../trainer/tf.ts';
import { temporaryFolder, tiny, writeByteTokenizer } from './support.ts';

/** What `action` throws, described. */
function failureOf(action: () => unknown): ReturnType<typeof describeFailure> {
  try {
    action();
  } catch (error) {
    return describeFailure(error);
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
}

describe('a failure', () => {
  it('of known cause keeps its kind and message', () => {
    const { kind, message, stack } = failureOf(() => {
      throw new TrainerFailure('bad-data', 'There are 3 problems, 5 are asked for.');
    });
    assert.deepEqual([kind, message], ['bad-data', 'There are 3 problems, 5 are asked for.']);
    assert.match(stack ?? '', /failure\.test/);
  });

  it('to open one more file is none of the files', { skip: process.platform === 'win32' }, (t) => {
    const folder = temporaryFolder(t);
    writeByteTokenizer(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(toConfig(tiny, { eos: 0 })));
    const program = `
      import { openSync } from 'node:fs';
      import { readConfig, readTokenizerConfig } from './trainer/config.js';
      import { loadTokenizer } from './trainer/tokenizer/load.js';
      const folder = ${JSON.stringify(folder)};
      try { for (;;) openSync('/dev/null', 'r'); } catch {}
      for (const read of [readConfig, loadTokenizer, (folder) => readTokenizerConfig(folder, {})])
        await read(folder).catch(({ kind, code }) => process.stdout.write(\`\${kind} \${code}\\n\`));`;
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    const node = 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1"';
    const said = execFileSync('sh', ['-c', node, process.execPath, program], { cwd, encoding: 'utf8' });
    assert.equal(said, 'undefined EMFILE\n'.repeat(3));
  });

  it('of a full disk is told from others of the file system', { skip: process.platform !== 'linux' }, () => {
    const { kind, message } = failureOf(() => writeFileSync('/dev/full', 'x'));
    assert.equal(kind, 'disk-full');
    assert.match(message, /^ENOSPC: no space left on device, write\. Free some space and start it again: it goes on/);
    assert.equal(failureOf(() => writeFileSync('/nowhere/at/all', 'x')).kind, 'internal');
  });

  it('to allocate is told from other errors of TensorFlow', () => {
    // Word for word; to provoke it takes TensorFlow ten seconds of trying again.
    const said =
      'OOM when allocating tensor with shape[1048576,1048576] and type float on /job:localhost by allocator mklcpu';
    const { kind, message } = describeFailure(new Error(`Invalid TF_Status: 8\nMessage: ${said}`));
    assert.equal(kind, 'out-of-memory');
    assert.equal(message, `${said}. Take a smaller batch or context, or a machine with more memory.`);
    const mismatch = failureOf(() => matMul(tf.ones([2, 3]), tf.ones([2, 3])));
    assert.equal(mismatch.kind, 'internal');
    assert.match(mismatch.message, /size-incompatible|Matrix size|In\[0\]/);
  });

  it('of a GPU is told from one that has no memory left', () => {
    const kindOf = (message: string) => describeFailure(new Error(`Invalid TF_Status: 13\nMessage: ${message}`)).kind;
    // What XLA, CUDA and cuBLAS say; the names of their errors are in cuda.h and cublas_api.h.
    for (const said of [
      'Out of memory while trying to allocate 21474836480 bytes.',
      'failed to allocate 2.00GiB (2147483648 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory',
      'failed to create cublas handle: the resource allocation failed',
      'CUBLAS_STATUS_ALLOC_FAILED',
    ])
      assert.equal(kindOf(said), 'out-of-memory', said);
    for (const said of [
      'CUDA_ERROR_ECC_UNCORRECTABLE: uncorrectable ECC error encountered',
      'failed to synchronize on CUDA context: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered',
      'CUDA error: Failed call to cuInit: UNKNOWN ERROR (303)',
      'INTERNAL: CUBLAS_STATUS_EXECUTION_FAILED',
      'Unable to determine the device handle for GPU0000:01:00.0: GPU is lost. Reboot the system to recover this GPU',
    ])
      assert.equal(kindOf(said), 'device-lost', said);
    assert.equal(kindOf('Incompatible shapes: [2,3] vs. [2,4]'), 'internal');
  });

  it('may be anything that is thrown', () => {
    assert.deepEqual(describeFailure('no error at all'), { kind: 'internal', message: 'no error at all' });
  });
});
