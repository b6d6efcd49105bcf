/** Draws a pair of trousers, and predicts it with the model of a Worker. */
import * as tf from '@tensorflow/tfjs';
import { classify } from './classify.js';

const side = 28;
const isTrousers = (y: number, x: number) =>
  y > 1 && y < 26 && x > 7 && x < 20 && (y < 8 || x < 13 || x > 14);
const pixels = Array.from({ length: side * side }, (_, i) =>
  isTrousers(Math.floor(i / side), i % side) ? 200 : 0,
);

const worker = process.env.CATWALK_URL ?? 'http://localhost:8787';
const { label, probability } = await classify(tf, worker, tf.tensor3d(pixels, [side, side, 1]));
console.log(`${label}, ${(100 * probability).toFixed(2)} %`);
