// Moves keys into the trash, one at each line that it reads, and says so; after the last it empties the trash.
import { createInterface } from 'node:readline';
import { emptyTrash, moveToTrash } from '../../../store/trash.ts';

const [home = '', ...keys] = process.argv.slice(2);
const steps = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

for (const key of keys) {
  await steps.next();
  const moved = await moveToTrash(home, { key, attempt: null, replacedBy: null, bytes: 0 }, async () => false);
  process.stdout.write(`${moved}\n`);
}
await steps.next();
await emptyTrash(home);
process.stdout.write('emptied\n');
process.exit(0);
