import { request } from 'node:http';
import process from 'node:process';
import type { Plan } from '../../planner/plan.ts';

/** One endpoint, how long it took to answer whole, and what it sent. */
export interface Asked {
  name: string;
  /** Milliseconds of each time, the first being that of a server which was just started. */
  milliseconds: number[];
  /** Those of the processor, of all threads, in all times but the first; of who asks as well. */
  cpuMilliseconds: number;
  status: number;
  /** Bytes as they were sent, compressed. */
  bytes: number;
}

/** A page's server. */
export interface Server {
  origin: string;
  token: string;
}

/** Asks every endpoint about a lineage, several times each, one request at a time. */
export async function askEach(server: Server, plan: Plan, times: number): Promise<Asked[]> {
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
    const one: Asked = { name, milliseconds: [], cpuMilliseconds: 0, status: 0, bytes: 0 };
    for (let time = 0; time < times; time += 1) {
      const begun = performance.now();
      const cpu = process.cpuUsage();
      const { status, bytes } = await ask(server, path, sql);
      one.milliseconds.push(performance.now() - begun);
      const { user, system } = process.cpuUsage(cpu);
      if (time > 0) one.cpuMilliseconds += (user + system) / 1000 / (times - 1);
      Object.assign(one, { status, bytes });
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
