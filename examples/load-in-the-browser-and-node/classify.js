/**
 * Predicts an image with the model that a Worker serves.
 *
 * @param tf TensorFlow.js
 * @param {string} worker the Worker's address
 * @param pixels a tensor of [height, width, channels], 0 (black) to 255 (white)
 */
export async function classify(tf, worker, pixels) {
  const { manifest } = await (await fetch(`${worker}/model`)).json();
  const model = await tf.loadLayersModel(`${worker}/models/${manifest.version}/model.json`);
  const { labels, preprocessing } = manifest.model;
  const input = pixels.div(255).sub(preprocessing.mean).div(preprocessing.std).expandDims();
  const probabilities = await tf.softmax(model.predict(input)).data();
  const best = probabilities.indexOf(Math.max(...probabilities));
  return { label: labels[best], probability: probabilities[best], version: manifest.version };
}
