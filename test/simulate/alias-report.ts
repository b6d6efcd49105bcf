/** The assumptions of the simulation, and the seed of its random numbers. */
export interface AliasSimulation {
  seed: number;
  isolates: number;
  /** Requests per second for each isolate, at random times (Poisson). */
  requestsPerSecond: number;
  /** Milliseconds of a read of the alias, and of reading and warming up a version: the minimum, and the mean of the time in addition. */
  aliasRead: { least: number; meanFurther: number };
  versionLoad: { least: number; meanFurther: number };
}

/** Seconds from the moment that the alias moved, over all isolates. */
export interface AliasReport {
  requestsPerSecond: number;
  pollSeconds: number;
  /** Conditional reads of the alias per isolate and minute. */
  readsPerIsolatePerMinute: number;
  /** The time until an isolate's first answer with the new version. */
  firstNewAnswer: { median: number; p99: number; last: number };
  /** The last answer with the old version by any isolate. */
  lastOldAnswer: number;
  /** Isolates whose last old answer came later than documented: poll + wait for a request + two reads + load. */
  late: number;
}
