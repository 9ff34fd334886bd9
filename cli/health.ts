import { type Context, type ExitCode, exitCodes } from './context.ts';
import { doctor } from './doctor.ts';
import { renderDoctor } from './render/doctor.ts';

/** `descent doctor`: what this machine has and lacks; exit code 1 when something needed is missing. */
export async function health(options: { json?: true }, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const report = await doctor(context.env, context.cwd);
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderDoctor(report, terminal.colours));
  return report.healthy ? exitCodes.fine : exitCodes.error;
}
