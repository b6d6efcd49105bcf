/** The bucket does not have the requested version, alias or test set. */
export class VersionNotFoundError extends Error {
  override name = 'VersionNotFoundError';
}

/** The files of a version or test set fail the check against the SHA-256 that is stored for them. */
export class CorruptVersionError extends Error {
  override name = 'CorruptVersionError';
}

/** A publication, move, rollback or deletion was refused. The message says why and what to do. */
export class RegistryError extends Error {
  override name = 'RegistryError';
}
