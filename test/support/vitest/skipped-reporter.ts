import type { UserConsoleLog } from 'vitest';
import type { Reporter } from 'vitest/node';

/** Prints the messages of `requirement` about skipped tests once, after the results. */
export class SkippedReporter implements Reporter {
  #lines = new Set<string>();

  onUserConsoleLog({ content }: UserConsoleLog): void {
    for (const line of content.split('\n')) if (line.startsWith('Skipped: ')) this.#lines.add(line);
  }

  onTestRunEnd(): void {
    if (this.#lines.size > 0) console.log(`${[...this.#lines].sort().join('\n')}\n`);
  }
}
