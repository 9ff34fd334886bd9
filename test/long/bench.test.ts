import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { median } from '../../bench/trainer/race.ts';

const bench = fileURLToPath(new URL('../../bench/trainer.js', import.meta.url));

/** Where no peer is: none in the cache folder, and no Python on PATH. */
const alone = { XDG_CACHE_HOME: '/nonexistent', PATH: '/nonexistent' };

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [bench, ...args], { env: { ...process.env, ...alone }, encoding: 'utf8' });
}

describe('the bench of the trainer', () => {
  it('measures steps, decoding and the peak of products, and says what it left out', () => {
    const { status, stdout, stderr } = run('0.4M', '--rounds', '2');
    assert.equal(stderr, '');
    assert.equal(status, 0);
    // A figure is told by its form alone, and how many blanks stand between columns depends on figures. Other tests may
    // run meanwhile.
    const form = stdout
      .replaceAll('busy ', '')
      .replaceAll(/\b\d[\d,]*(?:\.\d+)?(?=%|×|\s)/g, '#')
      .replaceAll(/ +/g, ' ')
      .trim();
    assert.equal(
      form,
      `# threads, median of # rounds; training: # sequences a batch; decoding: # prompts of # tokens, # written to each

PyTorch with transformers is not on this machine and was left out: \`npm run bench -- trainer --peers\` installs it.

matrix products engine GFLOP/s
float32 Descent #
bfloat16 Descent #

training precision engine ms a step CPU ms tokens/s MFU first s peak MB Descent’s speed aim
0.4M float32 Descent # # # #% # # #×
0.4M float32 Descent, eager # # # #% # # #×
0.4M bfloat16 Descent # # # #% # # #×

decoding engine ms a token CPU ms tokens/s first s peak MB Descent’s speed aim
0.4M Descent # # # # # #×`,
    );
    const trained = stdout.split('\n').filter((line) => /^0\.4M +b?float/.test(line));
    assert.equal(new Set(trained.map((line) => line.indexOf('×'))).size, 1, 'figures end below each other');
  });

  it('refuses a size that there is not, and names those that there are', () => {
    const { status, stdout, stderr } = run('0.4M', '4M');
    assert.deepEqual({ status, stdout }, { status: 1, stdout: '' });
    assert.equal(stderr, 'error: there is no size 4M\n  hint: one of 0.4M, 3.4M, 21M\n');
  });

  it('refuses a number of rounds of which there is no median', () => {
    for (const rounds of ['0', '2.5', 'two']) assert.equal(run('--rounds', rounds).status, 1, rounds);
  });

  it('takes the middle of an odd number of turns, and between the middle two of an even one', () => {
    assert.equal(median([5, 1, 30]), 5);
    assert.equal(median([4, 1, 30, 2]), 3);
  });
});
