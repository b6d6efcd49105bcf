/**
 * A trial can't be run as it is configured, and never will be: the program ends with exit code 42, which the manifests
 * under infra/ don't try again.
 */
export class BadConfigurationError extends Error {
  override name = 'BadConfigurationError';
}

export const badConfigurationExitCode = 42;
