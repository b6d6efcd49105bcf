import { fashionMnistCnn } from '../../shared/model/model-spec.ts';

/** The contents of the fuzzed Worker, so that requests can name them. */
export interface Known {
  model: string;
  versions: string[];
  aliases: string[];
  /** ETags of answers that can be requested again. */
  etags: string[];
  /** The first part of a test image's ETag. */
  datasetTag: string;
  /** Ids of the predictions of the first test images, in their order. */
  predictions: string[];
  /** The number of images in the test set. */
  images: number;
}

/** Reads from a Worker what its clients could know. */
export async function learn(
  url: string,
  { versions, aliases, images }: Pick<Known, 'versions' | 'aliases' | 'images'>,
): Promise<Known> {
  const etags: string[] = [];
  const predictions: string[] = [];
  for (let index = 0; index < 4; index++) {
    const response = await fetch(`${url}/predict?index=${index}&alias=production`);
    const answer = (await response.json()) as { id: string };
    etags.push(response.headers.get('etag') ?? '');
    predictions.push(answer.id);
  }
  const image = await fetch(`${url}/images/0.png`);
  const etag = image.headers.get('etag') ?? '';
  await image.arrayBuffer();
  etags.push(etag);
  const datasetTag = etag.slice(1).split('.')[0] ?? '';
  const { name: model } = fashionMnistCnn;
  return { model, versions, aliases, images, etags, datasetTag, predictions };
}
