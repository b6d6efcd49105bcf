/**
 * Reports tests that are skipped because this machine lacks something.
 *
 * @param isPresent whether the machine has it
 * @param message what is skipped, and how to run it
 * @param variable the environment variable that CI sets to forbid skipping
 * @returns isPresent
 * @throws {Error} if it is absent and the variable is set
 */
export function requirement(isPresent: boolean, message: string, variable?: string): boolean {
  if (isPresent) return true;
  if (variable && process.env[variable]) throw new Error(`${variable} is set. ${message}`);
  console.warn(`Skipped: ${message}`);
  return false;
}
