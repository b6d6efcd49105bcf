import { type Binding, defineKernel, float, type Kernel, workgroupSize } from './kernel.ts';

/** Rows, and columns per 16 threads, of the block of the product that a workgroup computes; and the depth of one round. */
const rows = 64;
const lanes = 16;

/** Columns of a thread: a vector, so few columns waste fewer threads. */
type Columns = 1 | 2 | 4;
const columnsFor = (columns: number): Columns => (columns >= 64 ? 4 : columns >= 32 ? 2 : 1);

/** Workgroups that keep a large GPU busy. */
const enoughGroups = 256;
const minDepth = 128;
const maxSplits = 64;

/** Returns into how many parts the sum is split, so that enough workgroups run; they are added up later, in one order. */
export function splitsFor(m: number, n: number, k: number): number {
  const groups = Math.ceil(m / rows) * Math.ceil(n / (lanes * columnsFor(n)));
  const wanted = Math.min(maxSplits, Math.floor(enoughGroups / groups), Math.floor(k / minDepth));
  return Math.max(1, wanted);
}

export interface Product {
  name: string;
  /** A is [m, k], B is [k, n]. */
  m: number;
  n: number;
  k: number;
  /** (default: 1) */
  splits?: number;
  /** (default: as many as n fills) */
  columns?: Columns;
  bindings: readonly Binding[];
  /** WGSL functions that the others use. */
  functions?: string;
  /** The body of `loadA(m: u32, k: u32) -> f32`, which checks m; k is always in range. */
  a: string;
  /** The body of `loadB(k: u32, n: u32) -> f32`. For columns beyond n, any value will do. */
  b: string;
  /** Writes `value`, the element at `row` and `column`, both in range, of part `split`. */
  store?: string;
  /** Instead of `store`: writes `values`, the four elements of one column from `row` on. Some rows may be out of range. */
  storeFour?: string;
}

/**
 * Returns a kernel for a product of two matrices, whose elements functions compute: a convolution is one without a copy of its
 * windows. A workgroup computes 64 rows by 16, 32 or 64 columns; each of its 256 threads 4 rows by 1, 2 or 4 columns.
 */
export function tiledProduct(product: Product): Kernel {
  const { name, m, n, k, splits = 1, columns = columnsFor(n), bindings } = product;
  const vector = columns === 1 ? 'f32' : `vec${columns}f`;
  const depth = lanes * Math.ceil(k / splits / lanes);
  const positions = Array.from({ length: columns }, (_, index) => index);
  const loadB = positions.map((index) => `loadB(k, column + ${index}u)`).join(', ');
  const code = `
const M = ${m}u; const N = ${n}u; const K = ${k}u;
var<workgroup> tileA: array<vec4f, ${workgroupSize}>;
var<workgroup> tileB: array<${vector}, ${workgroupSize}>;
${product.functions ?? ''}
fn loadA(m: u32, k: u32) -> f32 { ${product.a} }
fn loadB(k: u32, n: u32) -> f32 { ${product.b} }
${storeFunction(product)}
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let x = thread % ${lanes}u; let y = thread / ${lanes}u;
  let firstRow = group.x * ${rows}u; let firstColumn = group.y * ${lanes * columns}u;
  let begin = group.z * ${depth}u; let end = min(K, begin + ${depth}u);
  var sum0 = ${vector}(${float(0)}); var sum1 = sum0; var sum2 = sum0; var sum3 = sum0;
  for (var start = begin; start < end; start += ${lanes}u) {
    let row = firstRow + x * 4u; let column = firstColumn + x * ${columns}u; let k = start + y;
    var a = vec4f(0); var b = ${vector}(${float(0)});
    if (k < end) {
      a = vec4f(loadA(row, k), loadA(row + 1u, k), loadA(row + 2u, k), loadA(row + 3u, k));
      b = ${columns === 1 ? loadB : `${vector}(${loadB})`};
    }
    workgroupBarrier();
    tileA[thread] = a; tileB[thread] = b;
    workgroupBarrier();
    for (var i = 0u; i < ${lanes}u; i++) {
      let left = tileA[i * ${lanes}u + y]; let right = tileB[i * ${lanes}u + x];
      sum0 += left.x * right; sum1 += left.y * right; sum2 += left.z * right; sum3 += left.w * right;
    }
  }
  let row = firstRow + y * 4u; let column = firstColumn + x * ${columns}u;
${positions
  .map((index) => {
    const lane = columns === 1 ? '' : `.${'xyzw'[index]}`;
    return `  storeColumn(vec4f(sum0${lane}, sum1${lane}, sum2${lane}, sum3${lane}), row, column + ${index}u, group.z);`;
  })
  .join('\n')}
}`;
  const groups = [Math.ceil(m / rows), Math.ceil(n / (lanes * columns)), splits] as const;
  return defineKernel(name, groups, bindings, code);
}

function storeFunction({ store, storeFour }: Product): string {
  const body =
    storeFour ??
    `for (var i = 0u; i < 4u; i++) { let row = first + i; if (row < M) { let value = values[i]; ${store} } }`;
  return `fn storeColumn(values: vec4f, first: u32, column: u32, split: u32) { if (column >= N) { return; } ${body} }`;
}
