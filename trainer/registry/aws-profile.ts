import { loadSharedConfigFiles, type Profile } from '@smithy/core/config';

/** The settings of a profile of ~/.aws/config and ~/.aws/credentials, besides its credentials. */
export interface ProfileSettings {
  region: string | undefined;
  /** From `endpoint_url`, or the one for S3 in its `services` section. */
  endpoint: string | undefined;
}

/**
 * Reads a profile as the AWS CLI does.
 *
 * @param name undefined: the profile `default`, if there is one
 * @throws {RangeError} if there is no such profile
 */
export async function readProfile(
  name: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<ProfileSettings> {
  const { AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE } = environment;
  const { configFile = {}, credentialsFile = {} } = await loadSharedConfigFiles({
    ...(AWS_CONFIG_FILE && { configFilepath: AWS_CONFIG_FILE }),
    ...(AWS_SHARED_CREDENTIALS_FILE && { filepath: AWS_SHARED_CREDENTIALS_FILE }),
    ignoreCache: true,
  });
  const profiles = { ...configFile, ...credentialsFile };
  const known = Object.keys(profiles).filter((key) => !/^(services|sso-session)\./.test(key));
  if (name !== undefined && !known.includes(name)) {
    const listed = known.length > 0 ? `They have: ${known.join(', ')}.` : 'They have none.';
    throw new RangeError(
      `There is no profile ${name} in ~/.aws/config or ~/.aws/credentials. ${listed} Correct --profile or AWS_PROFILE.`,
    );
  }
  const profile: Profile = {
    ...credentialsFile[name ?? 'default'],
    ...configFile[name ?? 'default'],
  };
  const services = profile.services ? configFile[`services.${profile.services}`] : undefined;
  return {
    region: profile.region,
    endpoint: services?.['s3.endpoint_url'] ?? profile.endpoint_url,
  };
}
