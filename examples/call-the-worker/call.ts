/** Calls a Worker with the typed client. */
import { catwalkClient } from 'catwalk/client';

const { CATWALK_URL = 'http://localhost:8787', CATWALK_TOKEN } = process.env;
const client = catwalkClient(CATWALK_URL, {
  headers: CATWALK_TOKEN ? { authorization: `Bearer ${CATWALK_TOKEN}` } : {},
});

const byIndex = await client.predict.$get({ query: { index: '0' } });
if (!byIndex.ok) {
  const { code, detail } = await byIndex.json();
  throw new Error(`${code}: ${detail}`);
}
const { predicted, actual } = await byIndex.json();
console.log(`Test image 0: predicted ${predicted.label}, actual ${actual.label}`);

const picture = await client.images[':file'].$get({ param: { file: '0.png' } });
const image = new File([await picture.blob()], 'boot.png');
const uploaded = await client.predict.$post({ form: { image } });
const answer = await uploaded.json();
if (!('predicted' in answer)) throw new Error(JSON.stringify(answer));
const { label, probability } = answer.predicted;
console.log(`Uploaded: ${label}, ${(100 * probability).toFixed(2)} %`);
