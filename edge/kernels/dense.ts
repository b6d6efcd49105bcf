import {
  _fusedMatMulConfig,
  type KernelConfig,
  type MathBackendCPU,
  type TensorInfo,
} from '#tensorflow';
import { preparedDenseLayers } from './prepared.ts';

/** Columns per panel of denseRows, which pads its result rows to a multiple of them. */
const panelColumns = 32;

/** _FusedMatMul on the cpu backend: WebAssembly for prepared weights, otherwise the backend's own. */
export const denseKernel: KernelConfig = {
  ..._fusedMatMulConfig,
  kernelFunc(params) {
    const { a, b, bias, preluActivationWeights } = params.inputs as Record<string, TensorInfo>;
    const { transposeA, transposeB, activation } = params.attrs ?? {};
    const prepared = b && preparedDenseLayers.get(b.dataId);
    const relu = activation === 'relu';
    if (
      !prepared ||
      a?.dtype !== 'float32' ||
      transposeA ||
      transposeB ||
      preluActivationWeights ||
      (!relu && activation !== 'linear' && activation !== null && activation !== undefined)
    ) {
      return _fusedMatMulConfig.kernelFunc(params);
    }
    const backend = params.backend as MathBackendCPU;
    const { workspace, depth, columns, weights } = prepared;
    const x = backend.data.get(a.dataId).values as Float32Array;
    const rows = x.length / depth;
    const padded = panelColumns * Math.ceil(columns / panelColumns);
    const values = workspace.withBlocks(
      [4 * x.length, 4 * padded, 8 * (depth + 1), 4 * rows * padded],
      (input, biasAt, scratch, out) => {
        workspace.write(x, input);
        const biasValues = new Float32Array(padded);
        if (bias) biasValues.set(backend.data.get(bias.dataId).values as Float32Array);
        workspace.write(biasValues, biasAt);
        workspace.kernels.denseRows(
          input,
          rows,
          depth,
          weights,
          columns,
          biasAt,
          relu ? 1 : 0,
          scratch,
          out,
        );
        return unpad(workspace.read(out, rows * padded), rows, columns, padded);
      },
    );
    return backend.makeTensorInfo([...a.shape.slice(0, -1), columns], 'float32', values);
  },
};

/** [rows, padded] -> [rows, columns] */
function unpad(values: Float32Array, rows: number, columns: number, padded: number): Float32Array {
  if (columns === padded) return values;
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    result.set(values.subarray(row * padded, row * padded + columns), row * columns);
  }
  return result;
}
