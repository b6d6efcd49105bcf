/** `npm run bench:page [-- --url http://localhost:8787]`: measures the first visit of the page of a running Worker (`npm start`). */
import { Command } from 'commander';
import type { Browser } from 'playwright-core';
import { desktopLight, type Look, launch, phoneDark } from '../support/browser/open-browser.ts';
import { thisMachine } from './machine.ts';

const options = new Command('npm run bench:page --')
  .description(
    "Measures the first visit of a running Worker's page, each time in a Chromium with an empty cache.",
  )
  .option('--url <url>', 'address of the Worker', 'http://localhost:8787')
  .option('--rounds <n>', 'number of visits, of which the median counts', '7')
  .option('--json', 'print the result as JSON')
  .parse()
  .opts<{ url: string; rounds: string; json?: boolean }>();

interface FirstLook {
  requests: number;
  /** Bytes of HTML, styles and scripts, without compression. */
  pageBytes: number;
  /** The same, compressed, as transferred. */
  wireBytes: number;
  /** From the start of the navigation, in milliseconds: controls answer, the first prediction is shown. */
  interactive: number;
  predicted: number;
  largestPaint: number;
  layoutShift: number;
}

/** One visit with an empty cache. */
async function look(browser: Browser, { viewport, colorScheme }: Look): Promise<FirstLook> {
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  await page.addInitScript(() => {
    const seen = { paint: 0, shift: 0 };
    Object.assign(globalThis, { seen });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) seen.paint = entry.startTime;
    }).observe({ type: 'largest-contentful-paint', buffered: true });
    new PerformanceObserver((list) => {
      // biome-ignore lint/suspicious/noExplicitAny: the types lack layout shifts.
      for (const entry of list.getEntries() as any[]) seen.shift += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`${options.url}/#/try/0`, { waitUntil: 'commit' });
  await page.locator('#answer[aria-busy=false] #verdict').filter({ hasText: /\w/ }).waitFor();
  const found = await page.evaluate(() => {
    const predicted = performance.now();
    const [navigation] = performance.getEntriesByType(
      'navigation',
    ) as PerformanceNavigationTiming[];
    const resources = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
    const parts = [
      navigation as PerformanceResourceTiming,
      ...resources.filter(({ name }) => /\.(js|css)$/.test(new URL(name).pathname)),
    ];
    const sum = (key: 'decodedBodySize' | 'encodedBodySize') =>
      parts.reduce((total, part) => total + part[key], 0);
    // biome-ignore lint/suspicious/noExplicitAny: the script above puts it there.
    const { paint, shift } = (globalThis as any).seen;
    return {
      requests: 1 + resources.length,
      pageBytes: sum('decodedBodySize'),
      wireBytes: sum('encodedBodySize'),
      interactive: navigation?.domContentLoadedEventEnd ?? 0,
      predicted,
      largestPaint: paint,
      layoutShift: shift,
    };
  });
  await context.close();
  return found;
}

const median = (numbers: number[]) =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;

const browser = await launch();
const rows = [];
for (const device of [desktopLight, phoneDark]) {
  await look(browser, device);
  const looks: FirstLook[] = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    looks.push(await look(browser, device));
  }
  const medians = Object.fromEntries(
    (Object.keys(looks[0] as FirstLook) as (keyof FirstLook)[]).map((key) => [
      key,
      Math.round(1000 * median(looks.map((one) => one[key]))) / 1000,
    ]),
  );
  rows.push({ device: device.name, rounds: looks.length, ...medians });
}
await browser.close();
if (options.json) {
  const report = { measuredAt: new Date().toISOString(), machine: thisMachine(), medians: rows };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} else {
  console.table(rows);
}
