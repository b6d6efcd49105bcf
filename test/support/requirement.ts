/**
 * Reports tests that need something which this machine lacks.
 *
 * @param isPresent whether the machine has it
 * @param variable the environment variable that forbids skipping, as CI sets it
 * @param message what is skipped, and how to run it
 * @returns isPresent
 * @throws {Error} if it is absent and the variable is set
 */
export function requirement(isPresent: boolean, variable: string, message: string): boolean {
  if (isPresent) return true;
  if (process.env[variable]) throw new Error(`${variable} is set: ${message}`);
  console.warn(`Skipped: ${message}`);
  return false;
}
