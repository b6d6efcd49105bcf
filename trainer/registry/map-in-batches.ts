/** Maps items to results with a limited number of requests at once. Keeps the order. */
export async function mapInBatches<Item, Result>(
  items: readonly Item[],
  batchSize: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += batchSize) {
    results.push(...(await Promise.all(items.slice(at, at + batchSize).map(map))));
  }
  return results;
}

/**
 * Calls a function with each item, with a limited number of calls at a time. After a failure no further call is made, and those under
 * way are awaited.
 */
export async function inPool<Item>(
  items: readonly Item[],
  limit: number,
  signal: AbortSignal | undefined,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const failures: unknown[] = [];
  const work = async () => {
    for (const item of waiting) {
      if (failures.length > 0 || signal?.aborted) return;
      await action(item).catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  signal?.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}
