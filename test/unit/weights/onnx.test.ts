import { describe, expect, test } from 'vitest';
import { writeOnnx } from '../../../trainer/weights/onnx.ts';
import { fromPytorch } from '../../../trainer/weights/pytorch.ts';
import { readWeightsFile } from '../../../trainer/weights/read-weights-file.ts';
import {
  fixture,
  maxDifference,
  narrowCnn,
  pytorchLogits,
} from '../../support/models/narrow-network.ts';
import { hasOnnxRuntime, runOnnx } from '../../support/models/run-onnx.ts';
import { requirement } from '../../support/requirement.ts';

const isHere = requirement(
  hasOnnxRuntime(),
  'ONNX models in onnxruntime. Run `npm ci` in test/bench/edge/workers.',
);
const names = ['conv1', 'conv2', 'conv3', 'fc1', 'fc2'];

async function narrowOnnx(layerNames = names) {
  const { tensors } = await readWeightsFile(fixture('narrow.pth'));
  return writeOnnx(fromPytorch(tensors, narrowCnn), narrowCnn, layerNames, { run: 'a-run' });
}

describe('an exported ONNX model', () => {
  test.skipIf(!isHere)("gives PyTorch's logits in onnxruntime", async () => {
    const logits = await runOnnx(await narrowOnnx(), narrowCnn, 10);
    expect(maxDifference(logits, pytorchLogits.narrow)).toBeLessThan(1e-5);
  });

  test('names its layers, labels and scale', async () => {
    const text = Buffer.from(await narrowOnnx()).toString('latin1');
    for (const part of ['conv1.weight', 'fc2.bias', JSON.stringify(narrowCnn.labels), 'a-run']) {
      expect(text).toContain(part);
    }
    await expect(narrowOnnx(['a'])).rejects.toThrow('1 names; the network has 5 layers');
  });
});
