/** Time of a submission that keeps the GPU busy, but lets the training stop soon, and never makes a driver think that it hangs. */
const targetMs = 50;
/** While the GPU computes one submission, the next one is encoded. */
const submissionsAtOnce = 2;
const maxSteps = 512;

/**
 * Submits steps `from` to `to - 1` to a GPU, several at a time, as many as it computes in about 50 ms.
 *
 * @param submit encodes and submits steps `from` to `to - 1`; resolves when they are done: true to continue, false to stop
 * @param now the time in milliseconds (default: of this process)
 */
export async function submitSteps(
  from: number,
  to: number,
  submit: (from: number, to: number) => Promise<boolean>,
  now: () => number = () => performance.now(),
): Promise<void> {
  let size = 1;
  let next = from;
  let continues = true;
  const running: Promise<boolean>[] = [];
  let last = now();
  while (running.length > 0 || (continues && next < to)) {
    while (continues && next < to && running.length < submissionsAtOnce) {
      const end = Math.min(to, next + size);
      const submission = submit(next, end);
      // If the one before it fails, as on a GPU that stops, nobody waits for this one.
      submission.catch(() => {});
      running.push(submission);
      next = end;
    }
    continues = (await (running.shift() as Promise<boolean>)) && continues;
    const elapsed = now() - last;
    last += elapsed;
    if (elapsed < targetMs / 2) size = Math.min(maxSteps, 2 * size);
    if (elapsed > 2 * targetMs) size = Math.max(1, size >> 1);
  }
}
