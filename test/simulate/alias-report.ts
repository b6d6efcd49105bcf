/** What the simulation assumes, and what decides its random numbers. */
export interface AliasSimulation {
  seed: number;
  isolates: number;
  /** Requests a second that each isolate gets, at random times (Poisson). */
  requestsPerSecond: number;
  /** Milliseconds of a read of the alias, and of reading and warming up a version: the least, and the mean of what comes on top. */
  aliasRead: { least: number; meanFurther: number };
  versionLoad: { least: number; meanFurther: number };
}

/** Seconds from the moment that the alias moved, over all isolates. */
export interface AliasReport {
  requestsPerSecond: number;
  pollSeconds: number;
  /** Conditional reads of the alias, each isolate, a minute. */
  readsPerIsolatePerMinute: number;
  /** When an isolate answered its first request with the new version. */
  firstNewAnswer: { median: number; p99: number; last: number };
  /** The last answer with the old version by any isolate. */
  lastOldAnswer: number;
  /** Isolates whose last old answer came later than is promised: poll + wait for a request + two reads + load. */
  late: number;
}
