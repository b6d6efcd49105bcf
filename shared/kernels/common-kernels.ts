/** An address in a kernel module's memory, in bytes. */
export type Address = number;

/** The exports of both modules, the trainer's and the Worker's. The docstrings in assembly/ describe them. */
export interface CommonKernels {
  packPanels(
    source: Address,
    rows: number,
    columns: number,
    rowStride: number,
    columnStride: number,
    target: Address,
    panelStride: number,
  ): void;
  multiplyRows(
    starts: Address,
    rows: number,
    runs: number,
    runLength: number,
    runStride: number,
    right: Address,
    columns: number,
    bias: Address,
    relu: number,
    pool: number,
    out: Address,
    positions?: Address,
  ): void;
  padImages(
    source: Address,
    images: number,
    height: number,
    width: number,
    channels: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    out: Address,
  ): void;
  pooledWindowStarts(
    source: Address,
    images: number,
    pooledHeight: number,
    pooledWidth: number,
    imageStep: number,
    rowStep: number,
    columnStep: number,
    starts: Address,
  ): void;
  winogradFilter(filter: Address, inChannels: number, outChannels: number, target: Address): void;
  winogradScratchBytes(
    height: number,
    width: number,
    inChannels: number,
    outChannels: number,
    images: number,
  ): number;
  winogradPooled(
    x: Address,
    images: number,
    height: number,
    width: number,
    inChannels: number,
    filter: Address,
    outChannels: number,
    bias: Address,
    relu: number,
    scratch: Address,
    out: Address,
    positions?: Address,
  ): void;
}
