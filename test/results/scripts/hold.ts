// Keeps the results open, `read` or `write`, until it reads a line.
import { createInterface } from 'node:readline';
import { withDatabase } from '../../../results/database.ts';

const [home = '', mode = ''] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await withDatabase(home, mode as 'read' | 'write', async () => {
  process.stdout.write(`${process.pid}\n`);
  await lines.next();
});
process.stdout.write('closed\n');
process.exit(0);
