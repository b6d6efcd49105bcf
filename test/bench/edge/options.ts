import { Command, InvalidArgumentError } from 'commander';
import * as z from 'zod';

const optionsSchema = z.object({
  rounds: z.coerce.number().int().min(1).max(1000),
  quick: z.boolean().default(false),
  everyImage: z.boolean().default(false),
  soak: z.coerce.number().int().min(1).max(100_000_000).optional(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  python: z.string().min(1),
  json: z.boolean().default(false),
});

export type BenchOptions = z.infer<typeof optionsSchema>;

/** Reads the command line; wrong usage and `--help` end the process, with 2 and 0. */
export function parseBenchOptions(argv: readonly string[]): BenchOptions {
  const parsed = new Command('npm run bench:edge --')
    .description(
      "Measures Catwalk's Worker inside workerd beside stock TensorFlow.js (cpu and wasm), onnxruntime-web and, where Python has torch, PyTorch on one thread: all with the same weights, in turn. Takes some five minutes.",
    )
    .option('--rounds <n>', 'times that each has its turn', checked('rounds'), 10)
    .option('--quick', 'fresh weights and a few samples: shows that it works, not how fast')
    .option(
      '--every-image',
      "compare the logits of the whole test set with the stock cpu backend's, too: two minutes",
    )
    .option(
      '--soak <predictions>',
      'weigh the Worker ten times while it predicts so many images, too: a million take some six minutes',
      checked('soak'),
    )
    .option(
      '--url <url>',
      'take the model that this running local Worker serves; else one is trained for half a minute',
      checked('url'),
    )
    .option('--python <path>', 'a Python that has torch', 'python3')
    .option('--json', 'print the result as JSON')
    .helpOption('--help', 'show this')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
    .opts();
  return optionsSchema.parse(parsed);
}

/** Has commander say what the schema finds wrong. */
function checked(name: keyof typeof optionsSchema.shape) {
  return (text: string): unknown => {
    const result = optionsSchema.shape[name].safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(result.error.issues.map(({ message }) => message).join(' '));
  };
}
