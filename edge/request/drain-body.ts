/** More than a phone's photos have. */
const mostDrainedBytes = 32 * 1024 * 1024;

/**
 * Reads what nobody has read of a request's body, and drops it. A server that answers without it ends the connection, and what of the body
 * is still under way then has the client's system throw the answer away (RFC 9112, 9.6, "lingering close"). A body that is
 * longer than 32 MiB is left.
 */
export async function drainBody({ body, bodyUsed }: Request): Promise<void> {
  if (body === null || bodyUsed || body.locked) return;
  let bytes = 0;
  try {
    for await (const part of body) {
      bytes += part.byteLength;
      if (bytes > mostDrainedBytes) return;
    }
  } catch {
    // Whoever sent it has gone.
  }
}
