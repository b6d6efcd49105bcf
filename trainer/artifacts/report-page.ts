import { html, raw } from 'hono/html';
import { greyPngUrl } from '../../shared/picture/grey-png.ts';
import { page } from './draw-chart.ts';
import { drawConfusion } from './draw-confusion.ts';
import { drawCurves } from './draw-curves.ts';
import { reportStyle } from './report-style.ts';
import { percent, pictureOf, provenanceOf, type RunReport } from './run-report.ts';

/** report.html: one file that asks no other host for anything and runs no script. */
export async function reportPage(report: RunReport): Promise<string> {
  const { id, config, epochs, epoch } = report;
  const { spec, dataset } = config;
  const curves = await drawCurves(epochs, page);
  const confusion = await drawConfusion(epoch.confusion, spec.labels, page);
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
<p>Run ${id} on ${dataset.name}: ${provenanceOf(report)}, measured on ${report.test.count} test images.</p>
</header>
<section aria-label="Summary"><dl>
${summaryOf(report).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
</dl></section>
<section id="curves"><h2>Curves</h2>${raw(curves)}</section>
<section id="confusion"><h2>Confusion matrix</h2>${raw(confusion)}</section>
<section id="classes"><h2>Classes</h2>${classTable(report)}</section>
<section id="mistakes"><h2>Most confident mistakes</h2>${mistakeList(report)}</section>
<section id="configuration"><h2>Configuration</h2><details><summary>Every value of this run</summary><pre>${JSON.stringify(config, null, 2)}</pre></details></section>
</main>
</body>
</html>
`;
  return content.toString();
}

function summaryOf({ config, epoch }: RunReport): [string, string][] {
  const { accuracy, loss, seconds, imagesPerSecond } = epoch;
  return [
    ['Test accuracy', percent(accuracy)],
    ['Test loss', loss.toFixed(4)],
    ['Recipe', config.recipe],
    ['Seed', String(config.seed)],
    ['Training steps', `${Math.round(seconds)} s`],
    ['Speed', `${Math.round(imagesPerSecond)} images/s`],
    ['Backend', config.backend],
    ['Device', config.device],
  ];
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
  return html`<ol class="mistakes">${mistakes.map((guess) => {
    const picture = pictureOf(report, guess);
    return html`<li><figure><img src="${greyPngUrl(picture)}" width="${picture.width}" height="${picture.height}" alt="Test image ${guess.index}">
<figcaption>Predicted: <span class="wrong">${picture.predicted}</span>, Actual: ${picture.actual}<br>
<span class="quiet">${percent(guess.probability, 1)} sure, test image ${guess.index}</span></figcaption></figure></li>`;
  })}</ol>`;
}
