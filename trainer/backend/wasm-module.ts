import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import type { Address, CommonKernels } from '../../shared/kernels/common-kernels.ts';

/** The sizes of a depthwise convolution: its batch, its filter and its padding. */
export type DepthwiseSizes = [
  images: number,
  height: number,
  width: number,
  channels: number,
  outHeight: number,
  outWidth: number,
  kernelHeight: number,
  kernelWidth: number,
  strideHeight: number,
  strideWidth: number,
  padTop: number,
  padLeft: number,
];

/** The functions of shared/kernels/assembly/training.ts, which documents them. */
export interface KernelModule extends CommonKernels {
  outerScratchBytes(columns: number): number;
  sumOuterProducts(
    starts: Address,
    rows: number,
    runs: number,
    runLength: number,
    runStride: number,
    right: Address,
    columns: number,
    scratch: Address,
    out: Address,
  ): void;
  windowStarts(
    source: Address,
    images: number,
    outHeight: number,
    outWidth: number,
    imageStep: number,
    rowStep: number,
    columnStep: number,
    starts: Address,
  ): void;
  addPooledFilterGradient(
    frame: Address,
    images: number,
    height: number,
    width: number,
    inChannels: number,
    dy: Address,
    positions: Address,
    outChannels: number,
    lists: Address,
    filterSums: Address,
    biasSums: Address,
  ): void;
  inputGradientScratchBytes(height: number, width: number, outChannels: number): number;
  pooledInputGradient(
    dy: Address,
    positions: Address,
    images: number,
    height: number,
    width: number,
    inChannels: number,
    filter: Address,
    outChannels: number,
    scratch: Address,
    dx: Address,
  ): void;
  transpose(source: Address, rows: number, columns: number, target: Address): void;
  reluGradient(dy: Address, y: Address, out: Address, length: number): void;
  largeTilesScratchBytes(
    images: number,
    height: number,
    width: number,
    inChannels: number,
    outChannels: number,
  ): number;
  largeTilesFilterBytes(inChannels: number, outChannels: number): number;
  largeTilesFilter(
    filter: Address,
    inChannels: number,
    outChannels: number,
    scratch: Address,
    target: Address,
  ): void;
  convolveByLargeTiles(
    x: Address,
    images: number,
    height: number,
    width: number,
    inChannels: number,
    filter: Address,
    outChannels: number,
    bias: Address,
    lowest: number,
    highest: number,
    scratch: Address,
    out: Address,
  ): void;
  filterGradientByLargeTiles(
    x: Address,
    images: number,
    height: number,
    width: number,
    inChannels: number,
    dy: Address,
    outChannels: number,
    scratch: Address,
    dfilter: Address,
  ): void;
  relu6Gradient(dy: Address, y: Address, out: Address, length: number): void;
  normalizationScratchBytes(channels: number): number;
  batchMoments(
    x: Address,
    rows: number,
    channels: number,
    scratch: Address,
    mean: Address,
    variance: Address,
  ): void;
  normalize(
    x: Address,
    rows: number,
    channels: number,
    gamma: Address,
    beta: Address,
    mean: Address,
    variance: Address,
    epsilon: number,
    lowest: number,
    highest: number,
    scratch: Address,
    y: Address,
  ): void;
  normalizeGradient(
    x: Address,
    dy: Address,
    rows: number,
    channels: number,
    gamma: Address,
    beta: Address,
    mean: Address,
    variance: Address,
    epsilon: number,
    lowest: number,
    highest: number,
    scratch: Address,
    dx: Address,
    dgamma: Address,
    dbeta: Address,
  ): void;
  clampAbove(values: Address, length: number, highest: number): void;
  fusesMultiplyAdd(): boolean;
  depthwiseScratchBytes(
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    kernelHeight: number,
    kernelWidth: number,
    strideHeight: number,
    strideWidth: number,
  ): number;
  depthwiseForward(
    ...parameters: [
      x: Address,
      filter: Address,
      ...DepthwiseSizes,
      bias: Address,
      lowest: number,
      highest: number,
      scratch: Address,
      out: Address,
    ]
  ): void;
  depthwiseInputGradient(
    ...parameters: [dy: Address, filter: Address, ...DepthwiseSizes, scratch: Address, dx: Address]
  ): void;
  depthwiseFilterGradient(
    ...parameters: [x: Address, dy: Address, ...DepthwiseSizes, scratch: Address, dfilter: Address]
  ): void;
  columnSums(source: Address, rows: number, columns: number, out: Address): void;
  maxPoolGradient(
    x: Address,
    dy: Address,
    dx: Address,
    images: number,
    height: number,
    width: number,
    channels: number,
  ): void;
  maxPoolGradientOfAnyWindow(
    x: Address,
    dy: Address,
    dx: Address,
    images: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    windowHeight: number,
    windowWidth: number,
    strideHeight: number,
    strideWidth: number,
    padTop: number,
    padLeft: number,
  ): void;
}

const builds = {
  plain: 'training-simd.wasm',
  relaxed: 'training-relaxed-simd.wasm',
  wide: 'training-wide-simd.wasm',
} as const;

/** A build of the kernels: without fused multiply-add, with it, or with it and tiles for registers of 256 bits. */
export type KernelBuild = keyof typeof builds;

/**
 * Instantiates the fastest build for this CPU on a memory. `relaxed` and `wide` compute the same bits.
 *
 * @throws {Error} if it does not compile, or is not built (`npm run build`)
 */
export function instantiateKernels(memory: WebAssembly.Memory): KernelModule {
  if (joinsVectors()) {
    const kernels = instantiateBuild('wide', memory);
    // CPUs that fuse have AVX2, with few exceptions.
    if (kernels.fusesMultiplyAdd()) return kernels;
  }
  const hasRelaxedSimd = WebAssembly.validate(readBuild(builds.relaxed));
  return instantiateBuild(hasRelaxedSimd ? 'relaxed' : 'plain', memory);
}

export function instantiateBuild(build: KernelBuild, memory: WebAssembly.Memory): KernelModule {
  const module = new WebAssembly.Module(readBuild(builds[build]));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return instance.exports as unknown as KernelModule;
}

/**
 * Makes V8 join neighbouring 128-bit operations into 256-bit ones, in all functions that it optimizes from now on, on all threads.
 * Only V8 of these versions does so for fused multiply-add, and only on x86-64. Others would print an error about the flag.
 */
function joinsVectors(): boolean {
  const isKnown = process.arch === 'x64' && /^1[34]\./.test(process.versions.v8);
  if (isKnown) setFlagsFromString('--experimental-wasm-revectorize');
  return isKnown;
}

/**
 * Reads a module that `npm run build` compiled.
 *
 * @throws {Error} if it is not built
 */
export function readBuild(file: string): Buffer<ArrayBuffer> {
  try {
    return readFileSync(new URL(`../../shared/kernels/build/${file}`, import.meta.url));
  } catch (cause) {
    throw new Error(`The WebAssembly kernel ${file} is not built. Run \`npm run build\`.`, {
      cause,
    });
  }
}
