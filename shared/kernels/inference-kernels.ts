import type { Address, CommonKernels } from './common-kernels.ts';

/** The functions of assembly/inference.ts, which documents them. */
export interface InferenceKernels extends CommonKernels {
  reservedBytes(): number;
  denseBytes(depth: number, columns: number): number;
  packDense(weights: Address, rows: number, depth: number, columns: number, target: Address): void;
  denseRows(
    x: Address,
    rows: number,
    depth: number,
    weights: Address,
    columns: number,
    bias: Address,
    relu: number,
    scratch: Address,
    out: Address,
  ): void;
}
