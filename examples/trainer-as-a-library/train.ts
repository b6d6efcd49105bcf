/** Trains from a program: node train.ts [data set or folder] */
import { evaluate, loadDataset, publish, train } from 'catwalk/trainer';

const dataset = await loadDataset(process.argv[2]);
const { labels } = dataset;
console.log(
  `${dataset.train.count} training and ${dataset.test.count} test images of ${labels.length} labels`,
);

const { run } = await train(dataset, {
  epochs: 2,
  seed: 1,
  onProgress(report) {
    if (report.event !== 'epoch') return;
    console.log(`epoch ${report.epoch}: ${(100 * report.metrics.accuracy).toFixed(2)} %`);
  },
});

const { perClass } = await evaluate(run, { dataset });
const [worst] = perClass.toSorted((a, b) => a.recall - b.recall);
console.log(`Worst recall: ${worst?.label}, ${worst?.recall.toFixed(3)}`);
console.log(`Run: ${run}`);

const { CATWALK_BUCKET } = process.env;
if (CATWALK_BUCKET) {
  const { manifest, move } = await publish(run, CATWALK_BUCKET, { alias: 'production', dataset });
  console.log(`Published ${manifest.version}; the alias was ${move?.outcome}`);
}
