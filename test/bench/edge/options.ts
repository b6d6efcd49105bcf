import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';
import { weightTypes } from '../../../shared/registry/manifest.ts';

/** The tutorial's network, and those that the compiler is for. */
const networks = ['tutorial', 'mobilenet-160', 'mobilenet-224', 'residual'] as const;

const optionsSchema = z.object({
  network: z.enum(networks),
  mobilenet: z.string().optional(),
  dtype: z.enum(weightTypes).default('float32'),
  rounds: z.coerce.number().int().min(1).max(1000),
  quick: z.boolean().default(false),
  start: z.boolean().default(false),
  everyImage: z.boolean().default(false),
  soak: z.coerce.number().int().min(1).max(100_000_000).optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  python: z.string().min(1),
  save: z.boolean().default(false),
  json: z.boolean().default(false),
});

export type BenchOptions = z.infer<typeof optionsSchema>;

/** Parses the command line. Ends the process with 2 on wrong usage and with 0 after `--help`. */
export function parseBenchOptions(argv: readonly string[]): BenchOptions {
  const parsed = new Command('npm run bench:edge --')
    .description(
      "Measures Catwalk's Worker inside workerd, and compares it with stock TensorFlow.js (cpu and wasm), onnxruntime-web and, if Python has torch, PyTorch on one thread. All have the same weights and take turns. Takes about five minutes.",
    )
    .option(
      '--network <name>',
      `${networks.join(', ')}. Of other networks than the tutorial's it measures the forward pass, the cold start and photos`,
      checked('network'),
      'tutorial' as const,
    )
    .option(
      '--mobilenet <folder>',
      'a folder with MobileNet v1 as a TensorFlow.js layers model (model.json), for the networks of that name',
    )
    .option(
      '--dtype <type>',
      `${weightTypes.join(', ')}: the type in which another network than the tutorial's is published, and to which the weights of all contestants are rounded`,
      checked('dtype'),
      'float32' as const,
    )
    .option('--rounds <n>', 'number of turns of each contestant', checked('rounds'), 10)
    .option(
      '--quick',
      'untrained weights and few samples: shows that the benchmark works, not how fast Catwalk is',
    )
    .option(
      '--start',
      "measure only the start: the script's CPU and size, and the first prediction with and without a snapshot, against their bounds",
    )
    .option(
      '--every-image',
      'also compare the logits of the whole test set with those of the stock cpu backend (two minutes)',
    )
    .option(
      '--soak <predictions>',
      'also measure the memory of the Worker ten times during this many predictions (a million take about six minutes)',
      checked('soak'),
    )
    .option(
      '--url <url>',
      'use the model of this running local Worker (default: train one for half a minute)',
      checked('url'),
    )
    .option('--python <path>', 'a Python with torch', 'python3')
    .option(
      '--save',
      "keep the result of another network than the tutorial's in docs/bench/networks.json",
    )
    .option('--json', 'print the result as JSON')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
    .opts();
  return optionsSchema.parse(parsed);
}

/** Returns a parser for commander that reports the schema's errors. */
function checked(name: keyof typeof optionsSchema.shape) {
  return (text: string): unknown => {
    const result = optionsSchema.shape[name].safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(result.error.issues.map(({ message }) => message).join(' '));
  };
}
