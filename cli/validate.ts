import type { NodeType, Plan } from '../planner/plan.ts';
import { counted } from '../words/figures.ts';
import { type Context, type ExitCode, exitCodes } from './context.ts';
import { downloadNotes, type Finding, findingOf, planFile, printDiagnostics, printWarnings } from './lineage-file.ts';

/** `descent validate FILE...`: everything that is wrong with each file; exit code 3 when one is invalid. */
export async function validate(files: string[], options: { json?: true }, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const findings: Finding[] = [];
  for (const file of files) {
    const planned = await planFile(file, context);
    findings.push(findingOf(file, planned));
    if (options.json) continue;
    if (planned.ok) {
      terminal.out(`${file}: ${terminal.colours.green('ok')}, ${contents(planned.plan)}`);
      for (const note of downloadNotes(planned.plan.nodes)) terminal.out(`  ${note}`);
      printWarnings(planned, context);
    } else printDiagnostics(planned, context);
  }
  if (options.json) terminal.out(JSON.stringify(findings, null, 2));
  return findings.every((finding) => finding.ok) ? exitCodes.fine : exitCodes.refused;
}

/** `17 nodes: 1 tokenizer, 1 pretrained model, 2 CPT models, 1 SFT model, 1 RL model, 10 evaluations`. */
function contents(plan: Plan): string {
  const counts = new Map<NodeType, number>();
  for (const node of plan.nodes) counts.set(node.type, (counts.get(node.type) ?? 0) + 1);
  const parts = [...counts].map(([type, count]) => counted(count, NOUNS[type][0], NOUNS[type][1]));
  return `${counted(plan.nodes.length, 'node')}: ${parts.join(', ')}`;
}

const NOUNS: Record<NodeType, [one: string, many: string]> = {
  data: ['data set', 'data sets'],
  tokenizer: ['tokenizer', 'tokenizers'],
  overlap: ['overlap certificate', 'overlap certificates'],
  adopt: ['adopted model', 'adopted models'],
  pretrain: ['pretrained model', 'pretrained models'],
  cpt: ['CPT model', 'CPT models'],
  trunk: ['trunk', 'trunks'],
  checkpoint: ['checkpoint', 'checkpoints'],
  sft: ['SFT model', 'SFT models'],
  dpo: ['DPO model', 'DPO models'],
  rl: ['RL model', 'RL models'],
  reward: ['reward model', 'reward models'],
  generate: ['set of responses', 'sets of responses'],
  build: ['built data set', 'built data sets'],
  evaluate: ['evaluation', 'evaluations'],
};
