// Reads as a person does, again and again, until it reads a line; says how often, and that rows only ever grew in number.
import { createInterface } from 'node:readline';
import { runQuery } from '../../../results/query.ts';

const [home = ''] = process.argv.slice(2);
let asked = false;
createInterface({ input: process.stdin }).once('line', () => {
  asked = true;
});
let reads = 0;
let most = 0;
process.stdout.write('reading\n');
while (!asked) {
  const { rows } = await runQuery(home, 'SELECT count(*) FROM counts');
  const count = Number(rows[0]?.[0]);
  if (count < most) throw new Error(`${count} rows after ${most}`);
  most = count;
  reads += 1;
}
process.stdout.write(`${reads} ${most}\n`);
process.exit(0);
