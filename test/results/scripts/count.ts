// Adds rows to a table as a run does, each in an opening of its own; says the number after each.
import { withDatabase } from '../../../results/database.ts';

const [home = '', writer = '', times = ''] = process.argv.slice(2);
for (let i = 1; i <= Number(times); i += 1) {
  await withDatabase(home, 'write', async (connection) => {
    await connection.run('CREATE TABLE IF NOT EXISTS counts (writer VARCHAR, number INTEGER)');
    await connection.run('INSERT INTO counts VALUES ($writer, $i)', { writer, i });
  });
  process.stdout.write(`${i}\n`);
}
process.exit(0);
