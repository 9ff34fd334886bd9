import { utimes } from 'node:fs/promises';
import { request } from 'node:http';
import process from 'node:process';
import type { Plan } from '../../planner/plan.ts';
import { databasePath } from '../../store/home.ts';

/** One endpoint, how long it took to answer whole, and what it sent. */
export interface Asked {
  name: string;
  /** Milliseconds of the first time that a server which was just started is asked. */
  first: number;
  /** Milliseconds of each time after the results have changed. */
  anew: number[];
  /** Those of the processor, of all threads, each of these times; of who asks as well. */
  cpu: number[];
  /** Milliseconds of each time that nothing has changed. */
  again: number[];
  status: number;
  /** Bytes as they were sent, compressed. */
  bytes: number;
}

/** A page's server. */
export interface Server {
  origin: string;
  token: string;
}

/** Asks every endpoint about a lineage of a home, several times each, one request at a time. */
export async function askEach(server: Server, home: string, plan: Plan, times: number): Promise<Asked[]> {
  const lineage = `/api/lineages/${encodeURIComponent(plan.lineage)}`;
  const model = plan.nodes.findLast(({ type }) => type === 'rl');
  const evaluation = plan.nodes.findLast(({ type }) => type === 'evaluate');
  const node = (key = '') => `/api/nodes/${key}`;
  const of = `lineage=${encodeURIComponent(plan.lineage)}`;
  const endpoints: [name: string, path: string, sql?: string][] = [
    ['lineages', '/api/lineages'],
    ['a lineage', lineage],
    ['its models', `${lineage}/models`],
    ['its takeaways', `${lineage}/takeaways`],
    ["the paper's of it", `${lineage}/takeaways?of=paper`],
    ['curves of all', `${lineage}/metrics?metric=loss`],
    ['curves of a stage', `${lineage}/metrics?metric=loss&stage=base`],
    ['a model', `${node(model?.key)}?${of}`],
    ['an evaluation', `${node(evaluation?.key)}?${of}`],
    ['curves of a model', `${node(model?.key)}/metrics?${of}`],
    ['samples', `${node(evaluation?.key)}/samples?${of}`],
    ['what SQL can name', '/api/sql'],
    ['SQL: summary', '/api/sql', 'summary'],
    ['SQL: all metrics, cut', '/api/sql', 'from metrics'],
  ];
  const asked: Asked[] = [];
  for (const [name, path, sql] of endpoints) {
    const timed = async () => {
      const [begun, cpu] = [performance.now(), process.cpuUsage()];
      const answer = await ask(server, path, sql);
      const { user, system } = process.cpuUsage(cpu);
      return { ...answer, milliseconds: performance.now() - begun, cpu: (user + system) / 1000 };
    };
    const { milliseconds: first, status, bytes } = await timed();
    const one: Asked = { name, first, anew: [], cpu: [], again: [], status, bytes };
    for (let time = 0; time < times; time += 1) {
      // As if somebody had written.
      await utimes(databasePath(home), new Date(), new Date());
      const anew = await timed();
      one.anew.push(anew.milliseconds);
      one.cpu.push(anew.cpu);
      one.again.push((await timed()).milliseconds);
    }
    asked.push(one);
    process.stderr.write(`${name}\n`);
  }
  return asked;
}

function ask({ origin, token }: Server, path: string, sql?: string): Promise<{ status: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const asking = request(`${origin}${path}`, {
      method: sql === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'accept-encoding': 'gzip', 'content-type': 'application/json' },
    });
    asking.on('response', (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, bytes }));
    });
    asking.on('error', reject);
    asking.end(sql === undefined ? undefined : JSON.stringify({ sql, parameters: {} }));
  });
}
