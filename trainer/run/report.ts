import { html, raw } from 'hono/html';
import { percent, printable } from '../../node/text.ts';
import { maxSquares } from '../../shared/picture/draw-predictions.ts';
import { pngUrl } from '../../shared/picture/png.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imageIn } from '../data/image-set.ts';
import { drawConfusion, drawCurves, pageColours } from './charts.ts';
import { collectMore, describeCollectMore } from './collect-more.ts';
import type { RunConfig, RunEpoch, TestPrediction } from './run-records.ts';

/** The data of a run's report. */
export interface RunReport {
  /** The run's name. */
  id: string;
  config: RunConfig;
  /** At least one, in order. */
  epochs: readonly RunEpoch[];
  /** The epoch whose weights are the run's model. */
  epoch: RunEpoch;
  test: ImageSet;
}

/** Returns report.html: a self-contained page without scripts or requests. */
export async function reportPage(report: RunReport): Promise<string> {
  const { id, config, epochs, epoch } = report;
  const { spec, dataset } = config;
  const curves = await drawCurves(epochs, pageColours);
  const confusion = await drawConfusion(epoch.confusion, spec.labels, pageColours);
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  const content = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${spec.name}, run ${id}</title>
<style>${raw(reportStyle)}</style>
</head>
<body>
<main>
<header>
<h1>${spec.name}</h1>
<p>Run ${id} on ${dataset.name}: ${provenanceOf(report)}, evaluated on ${report.test.count} test images.</p>
</header>
<section aria-label="Summary"><dl>
${summaryOf(report).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl></section>
<section id="curves"><h2>Curves</h2>${raw(curves)}</section>
<section id="confusion"><h2>Confusion matrix</h2>${raw(confusion)}</section>
<section id="collect"><h2>What to collect more of</h2>${collectAdvice(report)}</section>
<section id="classes"><h2>Classes</h2>${classTable(report)}</section>
<section id="mistakes"><h2>Most confident mistakes</h2>${mistakeList(report)}</section>
<section id="configuration"><h2>Configuration</h2><details><summary>All settings of this run</summary><pre>${JSON.stringify(config, null, 2)}</pre></details></section>
</main>
</body>
</html>
`;
  return printable(String(content));
}

function summaryOf({ config, epoch }: RunReport): [string, string][] {
  const { accuracy, loss, seconds, imagesPerSecond } = epoch;
  return [
    ['Test accuracy', percent(accuracy)],
    ['Test loss', loss.toFixed(4)],
    ['Recipe', config.recipe],
    ['Seed', String(config.seed)],
    ['Training time', `${Math.round(seconds)} s`],
    ['Speed', `${Math.round(imagesPerSecond)} images/s`],
    ['Backend', config.backend],
    ['Device', config.device],
  ];
}

function collectAdvice({ epoch, config }: RunReport) {
  const more = collectMore(epoch, config.spec.labels);
  const advice = describeCollectMore(more);
  if (advice === null) return html`<p>No class is taken for the same other one more than once.</p>`;
  const rows = more.pairs.map(
    ({ actual, predicted, images }) =>
      html`<tr><th scope="row">${actual}</th><td>${predicted}</td><td>${images}</td></tr>`,
  );
  return html`<p>${advice}</p>
<table>
<thead><tr><th scope="col">class</th><th scope="col">taken for</th><th scope="col">images</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function classTable({ epoch }: RunReport) {
  const rows = epoch.perClass.map(
    ({ label, precision, recall, f1, support }) =>
      html`<tr><th scope="row">${label}</th><td>${precision.toFixed(3)}</td><td>${recall.toFixed(3)}</td><td>${f1.toFixed(3)}</td><td>${support}</td></tr>`,
  );
  return html`<table>
<thead><tr><th scope="col">class</th><th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th><th scope="col">images</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function mistakeList(report: RunReport) {
  const { mistakes } = report.epoch;
  if (mistakes.length === 0) return html`<p>None.</p>`;
  return html`<ol class="mistakes">${mistakes.map((mistake) => {
    const picture = pictureOf(report, mistake);
    const isPhoto = Math.max(picture.width, picture.height) > maxSquares;
    return html`<li><figure><img${isPhoto ? raw(' class="photo"') : ''} src="${pngUrl(picture)}" width="${picture.width}" height="${picture.height}" alt="Test image ${mistake.index}">
<figcaption>Predicted: <span class="wrong">${picture.predicted}</span>, Actual: ${picture.actual}<br>
<span class="quiet">${percent(mistake.probability, 1)} confidence, test image ${mistake.index}</span></figcaption></figure></li>`;
  })}</ol>`;
}

/** The report's style sheet, with the colours of the Worker's page. The browser's setting selects light or dark mode. */
const reportStyle = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f6f3, #16151a);
  --surface: light-dark(#ffffff, #201f26);
  --ink: light-dark(#1c1b22, #eceaf2);
  --quiet: light-dark(#5d5a68, #a5a2b3);
  --line: light-dark(#dedbe4, #37353f);
  --wrong: light-dark(#b3261e, #ff9a8f);
  --first: light-dark(#4f3cc9, #a79bff);
  --second: light-dark(#c2571a, #f0a35e);
  --third: light-dark(#1b7440, #6fd69a);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); }
h1 { margin: 0; font-size: 1.75rem; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.75rem; font-size: 1.125rem; }
header p { margin: 0.25rem 0 0; color: var(--quiet); }
section { margin-top: 1.5rem; padding: clamp(1rem, 3vw, 2rem); border: 1px solid var(--line); border-radius: 1rem; background: var(--surface); overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin: 0; }
dt { color: var(--quiet); font-size: 0.875rem; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.75rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 400; overflow-wrap: anywhere; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
figure { margin: 0; }
img { display: block; width: 100%; height: auto; border-radius: 0.5rem; background: #000; image-rendering: pixelated; }
img.photo { image-rendering: auto; }
figcaption { margin-top: 0.4rem; font-size: 0.8125rem; overflow-wrap: anywhere; }
.wrong { color: var(--wrong); font-weight: 600; }
.quiet { color: var(--quiet); }
pre { margin: 0.75rem 0 0; font-size: 0.8125rem; white-space: pre-wrap; overflow-wrap: anywhere; }
`;

/** Returns the image of a prediction, with the names of its labels. */
export function pictureOf(
  { config, test }: RunReport,
  { index, predicted, actual }: TestPrediction,
) {
  const { labels, inputShape } = config.spec;
  const [height, width] = inputShape;
  return {
    pixels: imageIn(test, index),
    height,
    width,
    predicted: labels[predicted] as string,
    actual: labels[actual] as string,
  };
}

/** Describes the origin of the weights: `epoch 3 of 5`, `epoch 3 of 5, started from …`, or `imported from model.pth`. */
export function provenanceOf({ config, epoch }: Pick<RunReport, 'config' | 'epoch'>): string {
  const { parent, recipe } = config;
  const origin = parent && ('file' in parent ? parent.file : parent.version);
  if (origin !== undefined && recipe === 'imported') return `imported from ${origin}`;
  const trained = `epoch ${epoch.epoch} of ${config.epochs}`;
  return origin === undefined ? trained : `${trained}, started from ${origin}`;
}
