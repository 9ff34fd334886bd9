import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../../store/remote/errors.ts';
import { openStorage } from '../../../store/remote/storage.ts';
import { bringToAll } from '../attempts.ts';

/*
 * A host that brings nodes to artifacts of all hosts, one after the other, and is killed at any moment: what it has brought
 * to its end it says in a ledger, and what the storage fails at it tries again, as the workflows would.
 */

const { home, endpoint, bucket, prefix, host, nodes, ledger } = JSON.parse(process.argv[2] ?? '') as {
  home: string;
  endpoint: string;
  bucket: string;
  prefix: string;
  host: string;
  nodes: number[];
  ledger: string;
};
const storage = await openStorage({ endpoint, bucket, prefix });
process.stdout.write('ready\n');
for (const nth of nodes) {
  for (;;) {
    try {
      const { key, attempt, files } = await bringToAll(home, storage, nth, host);
      const weights = files.find(({ path }) => path === 'model/model.safetensors')?.sha256;
      appendFileSync(ledger, `${JSON.stringify({ host, nth, key, attempt, weights })}\n`);
      break;
    } catch (error) {
      if (!(error instanceof StorageError) || error.kind === 'no-access') throw error;
      process.stdout.write(`again ${error.kind}\n`);
      await sleep(50);
    }
  }
}
process.stdout.write('done\n');
