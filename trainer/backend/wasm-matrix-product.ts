import { broadcast_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { type FastKernel, floatBytes, type TensorHeap } from './wasm-heap.ts';

/** a [1.., M, K] * b [1.., K, N], or their transposes -> [1.., M, N] */
export function batchMatMul(heap: TensorHeap): FastKernel {
  return ({ a, b }, { transposeA, transposeB }) =>
    product(heap, a, b, Boolean(transposeA), Boolean(transposeB), null, false);
}

/** BatchMatMul with bias [N] and ReLU in the same pass. */
export function fusedMatMul(heap: TensorHeap): FastKernel {
  return ({ a, b, bias, preluActivationWeights }, { transposeA, transposeB, activation }) => {
    const relu = activation === 'relu';
    if ((!relu && activation !== 'linear') || preluActivationWeights) return null;
    return product(heap, a, b, Boolean(transposeA), Boolean(transposeB), bias ?? null, relu);
  };
}

function product(
  heap: TensorHeap,
  a: TensorInfo | undefined,
  b: TensorInfo | undefined,
  transposeA: boolean,
  transposeB: boolean,
  bias: TensorInfo | null,
  relu: boolean,
): TensorInfo | null {
  if (!a || !b || !isOneMatrix(a) || !isOneMatrix(b)) return null;
  const [rows, depth] = matrixShape(a, transposeA);
  const [, columns] = matrixShape(b, transposeB);
  if (bias && (bias.dtype !== 'float32' || util.sizeFromShape(bias.shape) !== columns)) return null;
  // sumOuterProducts can't add a bias, and no kernel takes two transposed matrices.
  if (transposeA && (transposeB || bias || relu)) return null;
  if (rows === 0 || depth === 0 || columns === 0) return null;
  const batch = broadcast_util.assertAndGetBroadcastShape(
    a.shape.slice(0, -2),
    b.shape.slice(0, -2),
  );
  const out = heap.allocate([...batch, rows, columns]);
  const [left, right, target] = [heap.addressOf(a), heap.addressOf(b), heap.addressOf(out)];
  const { kernels } = heap;
  if (transposeA) {
    heap.withScratch([floatBytes(depth), kernels.outerScratchBytes(columns)], (starts, scratch) => {
      kernels.windowStarts(left, 1, 1, depth, 0, 0, floatBytes(rows), starts);
      kernels.sumOuterProducts(starts, depth, 1, rows, 0, right, columns, scratch, target);
    });
  } else {
    const [rowStride, columnStride] = transposeB ? [1, depth] : [columns, 1];
    const panelBytes = floatBytes(depth, 8 * Math.ceil(columns / 8));
    heap.withScratch([floatBytes(rows), panelBytes], (starts, panels) => {
      kernels.packPanels(right, depth, columns, rowStride, columnStride, panels, depth * 32);
      kernels.windowStarts(left, 1, 1, rows, 0, 0, floatBytes(depth), starts);
      kernels.multiplyRows(
        starts,
        rows,
        1,
        depth,
        0,
        panels,
        columns,
        bias ? heap.addressOf(bias) : 0,
        relu ? 1 : 0,
        0,
        target,
      );
    });
  }
  return out;
}

const isOneMatrix = (tensor: TensorInfo) =>
  tensor.dtype === 'float32' &&
  tensor.shape.length >= 2 &&
  tensor.shape.slice(0, -2).every((size) => size === 1);

function matrixShape({ shape }: TensorInfo, transposed: boolean): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}
