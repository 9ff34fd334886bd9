import { type Context, type ExitCode, exitCodes } from './context.ts';
import { doctor } from './doctor.ts';
import { gpuDoctor } from './gpu-doctor.ts';
import { renderDoctor } from './render/doctor.ts';

/** `descent doctor [--gpu]`: what this machine has and lacks; exit code 1 when something needed is missing. */
export async function health(options: { gpu?: true; json?: true }, context: Context): Promise<ExitCode> {
  const { terminal } = context;
  const report = options.gpu ? await gpuDoctor(context.env, terminal.err) : await doctor(context.env, context.cwd);
  terminal.out(options.json ? JSON.stringify(report, null, 2) : renderDoctor(report, terminal.colours));
  return report.healthy ? exitCodes.fine : exitCodes.error;
}
