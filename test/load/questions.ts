import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { toPng } from '../../shared/picture/png.ts';
import { postedQuestions } from './posted-questions.ts';
import type { PublishedVersions } from './publish-versions.ts';
import {
  get,
  json,
  type Named,
  pin,
  type Question,
  type Scored,
  type Stuff,
  scored,
} from './question.ts';

const [height, width] = fashionMnistCnn.inputShape;

/**
 * Generates a mix of requests for all routes.
 *
 * @param candidate the version that the alias of this name stays at
 * @param random a number from 0 to below 1
 */
export function questions(
  { versions, pixels }: Pick<PublishedVersions, 'versions' | 'pixels'>,
  candidate: string,
  random: () => number,
): () => Question {
  const images = pixels.length / (height * width);
  const pixelsOf = (image: number) =>
    pixels.subarray(image * height * width, (image + 1) * height * width);
  const pngs = Array.from({ length: images }, (_, image) =>
    Buffer.from(toPng({ pixels: pixelsOf(image), height, width })),
  );
  const choose = (most: number) => Math.floor(random() * most);
  const stuff = { versions, candidate, images, pixelsOf, pngs, choose };
  const kinds = [...askedQuestions(stuff), ...postedQuestions(stuff)];
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  return function next() {
    let left = random() * total;
    const chosen = kinds.find(({ weight }) => {
      left -= weight;
      return left < 0;
    });
    return (chosen ?? (kinds[0] as (typeof kinds)[number])).make();
  };
}

interface Indexed extends Named {
  index: number;
}

/** Questions by GET. */
function askedQuestions(stuff: Stuff) {
  const { versions, choose, images, pngs } = stuff;
  const anyImage = () => choose(images);

  const predictIndex = (): Question => {
    const image = anyImage();
    const { query, pinned } = pin(stuff);
    const target = `/predict${query}${query ? '&' : '?'}index=${image}`;
    return {
      route: 'GET /predict',
      request: get(target),
      pinned,
      read: (answer) => {
        const { index, model, probabilities } = json<Scored & Indexed>(answer);
        if (index !== image) throw new Error(`index is ${index}, not ${image}`);
        return { version: model.version, predictions: [scored(image, probabilities)] };
      },
    };
  };

  const known = (): Question => {
    const image = anyImage();
    const request = get(`/predict?index=${image}`, { 'if-none-match': '*' });
    return {
      route: 'GET /predict, 304',
      request,
      pinned: null,
      read: ({ status, headers }) => {
        if (status !== 304) throw new Error(`If-None-Match: * got ${status}`);
        return { version: String(headers['x-catwalk-version']), predictions: [] };
      },
    };
  };

  const model = (): Question => {
    const { query, pinned } = pin(stuff);
    return {
      route: 'GET /model',
      request: get(`/model${query}`),
      pinned,
      read: (answer) => {
        const { manifest } = json<{ manifest: { version: string } }>(answer);
        return { version: manifest.version, predictions: [] };
      },
    };
  };

  const ready = (): Question => ({
    route: 'GET /readyz',
    request: get('/readyz'),
    pinned: null,
    read: (answer) => ({ version: json<Named>(answer).model.version, predictions: [] }),
  });

  const image = (): Question => {
    const number = anyImage();
    return {
      route: 'GET /images',
      request: get(`/images/${number}.png`),
      pinned: null,
      read: ({ body }) => {
        if (!pngs[number]?.equals(body)) throw new Error(`it is not image ${number}`);
        return null;
      },
    };
  };

  const models = (): Question => ({
    route: 'GET /models',
    request: get('/models'),
    pinned: null,
    read: (answer) => {
      const listed = json<{ versions: { version: string }[] }>(answer).versions;
      const found = new Set(listed.map(({ version }) => version));
      if (!versions.every((version) => found.has(version))) throw new Error('it lacks versions');
      return null;
    },
  });

  const live = (): Question => ({
    route: 'GET /healthz',
    request: get('/healthz'),
    pinned: null,
    read: (answer) => {
      if (json<{ status: string }>(answer).status !== 'ok') throw new Error('it is not ok');
      return null;
    },
  });

  const metrics = (): Question => ({
    route: 'GET /metrics',
    request: get('/metrics'),
    pinned: null,
    read: ({ body }) => {
      if (!Buffer.from(body).includes('catwalk_requests_total{')) throw new Error('it has none');
      return null;
    },
  });

  return [
    { weight: 30, make: predictIndex },
    { weight: 3, make: known },
    { weight: 4, make: model },
    { weight: 4, make: ready },
    { weight: 4, make: image },
    { weight: 2, make: models },
    { weight: 3, make: live },
    { weight: 3, make: metrics },
  ];
}
