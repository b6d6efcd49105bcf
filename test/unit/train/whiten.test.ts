/** The filters that the residual network's first convolution has: they make the values of a patch uncorrelated, and of variance 1. */
import { describe, expect, it } from 'vitest';
import { normalizePixels } from '../../../shared/model/predict.ts';
import { residualFor } from '../../../shared/model/residual.ts';
import { publishedSpec } from '../../../shared/model/training-spec.ts';
import { openRandom } from '../../../trainer/train/photo-random.ts';
import { principalAxes } from '../../../trainer/train/principal-axes.ts';
import { whiteningFilters } from '../../../trainer/train/whiten.ts';
import type { LayerTensor } from '../../../trainer/weights/tensor.ts';

const [side, channels, size, filters] = [16, 3, 3, 16];
const spec = residualFor({
  name: 'noise',
  height: side,
  width: side,
  channels: 3,
  labels: ['a', 'b'],
  fit: 'contain',
  background: { kind: 'keep' },
});

/** Random waves, whose neighbours and channels are alike, with some noise. */
function waves(count: number) {
  const random = openRandom('waves');
  const images = new Uint8Array(count * side * side * channels);
  let at = 0;
  for (let image = 0; image < count; image++) {
    const [across, down, phase] = [random.normal(), random.normal(), 6 * random.normal()];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const wave = Math.sin(across * x + down * y + phase);
        for (let i = 0; i < channels; i++) {
          images[at++] = Math.round(128 + 50 * wave * (1 + i / 4) + 12 * random.normal());
        }
      }
    }
  }
  return { images, labels: new Uint8Array(count), count };
}

describe('principal axes', () => {
  it('are the eigenvectors, orthonormal, the largest eigenvalue first', () => {
    const matrix = [4, 1, -2, 1, 3, 0.5, -2, 0.5, 6];
    const axes = principalAxes(Float64Array.from(matrix), 3);
    for (const { axis, variance } of axes) {
      for (const row of [0, 1, 2]) {
        const product = axis.reduce((sum, x, i) => sum + (matrix[3 * row + i] as number) * x, 0);
        expect(product).toBeCloseTo(variance * (axis[row] as number), 12);
      }
      expect(axis.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(1, 12);
    }
    const variances = axes.map(({ variance }) => variance);
    expect(variances).toEqual([...variances].sort((a, b) => b - a));
    // The trace.
    expect(variances.reduce((sum, variance) => sum + variance, 0)).toBeCloseTo(13, 12);
  });
});

describe('whitening filters', () => {
  it('give uncorrelated values of variance 1, and the same negated', () => {
    const set = waves(100);
    const [kernel, bias] = whiteningFilters(spec, set) as [LayerTensor, LayerTensor];
    expect(kernel.shape).toEqual([size, size, channels, filters]);
    expect(bias.values).toEqual(new Float32Array(filters));
    const axes = filters / 2;
    const sums = new Float64Array(axes * axes);
    const pixels = normalizePixels(set.images, spec.preprocessing);
    let patches = 0;
    let asymmetry = 0;
    for (let image = 0; image < set.count; image++) {
      for (let top = 0; top + size <= side; top += 2) {
        for (let left = 0; left + size <= side; left += 2) {
          const outputs = new Float64Array(filters);
          for (let tap = 0; tap < size * size; tap++) {
            const [row, column] = [top + Math.floor(tap / size), left + (tap % size)];
            for (let i = 0; i < channels; i++) {
              const pixel = pixels[((image * side + row) * side + column) * channels + i] as number;
              for (let filter = 0; filter < filters; filter++) {
                const weight = kernel.values[(tap * channels + i) * filters + filter] as number;
                outputs[filter] = (outputs[filter] as number) + pixel * weight;
              }
            }
          }
          for (let filter = 0; filter < axes; filter++) {
            const [value, negated] = [outputs[filter], outputs[axes + filter]] as [number, number];
            asymmetry = Math.max(asymmetry, Math.abs(value + negated));
            for (let other = 0; other < axes; other++) {
              const at = filter * axes + other;
              sums[at] = (sums[at] as number) + value * (outputs[other] as number);
            }
          }
          patches++;
        }
      }
    }
    expect(asymmetry).toBe(0);
    for (const [at, sum] of sums.entries()) {
      const isOnDiagonal = at % (axes + 1) === 0;
      expect(Math.abs(sum / patches - (isOnDiagonal ? 1 : 0))).toBeLessThan(0.05);
    }
  });

  it('come from all over the images, which a folder orders by their labels', () => {
    // The first half is grey; only the others differ.
    const half = 10_000;
    const images = new Uint8Array(2 * half * side * side * channels).fill(128);
    const random = openRandom('dots');
    for (let i = images.length / 2; i < images.length; i++) images[i] = random.uniform(0, 256);
    const labels = new Uint8Array(2 * half);
    const [kernel] = whiteningFilters(spec, { images, labels, count: 2 * half }) as [LayerTensor];
    // Directions that don't differ would be enlarged 45 times.
    expect(Math.max(...kernel.values)).toBeLessThan(5);
  });

  it('need a first convolution with an even number of filters, at most two for each value of a patch', () => {
    const [, ...others] = publishedSpec(spec).layers;
    const withFirst = (count: number) => ({
      ...spec,
      layers: [{ type: 'conv2d' as const, filters: count, kernelSize: 3 }, ...others],
    });
    for (const count of [15, 56]) {
      expect(() => whiteningFilters(withFirst(count), waves(1))).toThrow('from 2 to 54');
    }
    const pooled = { ...spec, layers: [{ type: 'flatten' as const }] };
    expect(() => whiteningFilters(pooled, waves(1))).toThrow('must be a convolution');
  });
});
