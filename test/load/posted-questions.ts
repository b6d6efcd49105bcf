import {
  anyOf,
  json,
  modelName,
  type Named,
  pin,
  post,
  postJson,
  type Question,
  type Scored,
  type Stuff,
  scored,
} from './question.ts';

/** Requests with images, to the Worker's own route and to those of both protocols. */
export function postedQuestions(stuff: Stuff) {
  const { versions, choose, images, pixelsOf, pngs } = stuff;
  const anyImage = () => choose(images);

  const postOne = (
    route: string,
    type: string,
    bodyOf: (image: number) => Uint8Array,
  ): Question => {
    const image = anyImage();
    const { query, pinned } = pin(stuff);
    const request = post(`/predict${query}`, bodyOf(image), { 'content-type': type });
    return {
      route,
      request,
      pinned,
      read: (answer) => {
        const { model, probabilities } = json<Scored & Named>(answer);
        return { version: model.version, predictions: [scored(image, probabilities)] };
      },
    };
  };

  const postSeveral = (): Question => {
    const chosen = Array.from({ length: 2 + choose(6) }, anyImage);
    const { query, pinned } = pin(stuff);
    const posted = chosen.map((image, i) =>
      i % 2 === 0 ? { pixels: Array.from(pixelsOf(image)) } : pngs[image]?.toString('base64'),
    );
    return {
      route: 'POST /predict, several',
      pinned,
      request: postJson(`/predict${query}`, { images: posted }),
      read: (answer) => {
        const { model, predictions } = json<{ predictions: Scored[] } & Named>(answer);
        if (predictions.length !== chosen.length) throw new Error('it is of other images');
        const read = predictions.map(({ probabilities }, i) =>
          scored(chosen[i] as number, probabilities),
        );
        return { version: model.version, predictions: read };
      },
    };
  };

  const tensorFlowServing = (): Question => {
    const chosen = [anyImage(), anyImage()];
    const pinned = choose(3) === 0 ? anyOf(versions, choose) : null;
    const path = `/v1/models/${modelName}${pinned ? `/versions/${pinned}` : ''}:predict`;
    const instances = chosen.map((image) => Array.from(pixelsOf(image)));
    return {
      route: 'POST /v1',
      request: postJson(path, { instances }),
      pinned,
      read: (answer) => {
        const { predictions } = json<{ predictions: number[][] }>(answer);
        const read = chosen.map((image, i) => ({ image, probabilities: predictions[i] ?? [] }));
        return { version: String(answer.headers['x-catwalk-version']), predictions: read };
      },
    };
  };

  const openInference = (): Question => {
    const image = anyImage();
    const pinned = choose(3) === 0 ? anyOf(versions, choose) : null;
    const path = `/v2/models/${modelName}${pinned ? `/versions/${pinned}` : ''}/infer`;
    const data = Array.from(pixelsOf(image));
    const inputs = [{ name: 'images', shape: [1, data.length], datatype: 'UINT8', data }];
    return {
      route: 'POST /v2',
      request: postJson(path, { inputs }),
      pinned,
      read: (answer) => {
        const body = json<{ model_version: string; outputs: { data: number[] }[] }>(answer);
        const probabilities = body.outputs[0]?.data ?? [];
        return { version: body.model_version, predictions: [{ image, probabilities }] };
      },
    };
  };

  const octets = 'application/octet-stream';
  return [
    {
      weight: 15,
      make: () => postOne('POST /predict, PNG', 'image/png', (i) => pngs[i] as Buffer),
    },
    { weight: 10, make: () => postOne('POST /predict, raw', octets, pixelsOf) },
    { weight: 6, make: postSeveral },
    { weight: 8, make: tensorFlowServing },
    { weight: 8, make: openInference },
  ];
}
