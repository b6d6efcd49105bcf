import { hostname, userInfo } from 'node:os';

/** Who runs this program, such as `ada@laptop`, for an alias's history. */
export function userAtHost(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run under a number that no user has.
    return hostname();
  }
}
