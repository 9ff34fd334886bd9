import { hostname } from 'node:os';

/**
 * What this machine is called among all that share a home: `DESCENT_MACHINE`, else its host name. Who reads a process id
 * beside another name leaves that process alone, so containers that share a host name and no processes need a name each.
 */
export function machineName(): string {
  return process.env.DESCENT_MACHINE || hostname();
}
