const panelColumns = 8;

/**
 * Packs a filter [taps, inChannels, outChannels] into panels of eight columns, [ceil(outChannels / 8)][depth][8]. A tap's channels are
 * rounded up to `pitch`; what is missing is 0.
 */
export function packWindows(
  filter: Float32Array,
  inChannels: number,
  outChannels: number,
  pitch: number,
  depth: number,
): Float32Array {
  const panels = Math.ceil(outChannels / panelColumns);
  const packed = new Float32Array(panels * depth * panelColumns);
  const rows = filter.length / outChannels;
  for (let row = 0; row < rows; row++) {
    const at = Math.floor(row / inChannels) * pitch + (row % inChannels);
    for (let column = 0; column < outChannels; column++) {
      const panel = Math.floor(column / panelColumns);
      packed[(panel * depth + at) * panelColumns + (column % panelColumns)] = filter[
        row * outChannels + column
      ] as number;
    }
  }
  return packed;
}

/** Rounds the channels of [taps, channels] up to `pitch` with zeros. */
export function packDepthwise(filter: Float32Array, channels: number, pitch: number) {
  const packed = new Float32Array((filter.length / channels) * pitch);
  for (let at = 0; at < filter.length; at++) {
    packed[Math.floor(at / channels) * pitch + (at % channels)] = filter[at] as number;
  }
  return packed;
}

/** Rounds a scale or bias up to a multiple of `columns` with zeros. */
export function packChannels(values: ArrayLike<number>, columns: number): Float32Array {
  const packed = new Float32Array(columns * Math.ceil(values.length / columns));
  packed.set(values);
  return packed;
}

/** Multiplies each channel of the output of a filter [taps, outChannels] by its scale. The filter is not copied if all scales are 1. */
export function scaledFilter(filter: Float32Array, scale: Float64Array): Float32Array {
  if (scale.every((factor) => factor === 1)) return filter;
  const channels = scale.length;
  const scaled = new Float32Array(filter.length);
  for (let row = 0; row < filter.length; row += channels) {
    for (let channel = 0; channel < channels; channel++) {
      scaled[row + channel] = (filter[row + channel] as number) * (scale[channel] as number);
    }
  }
  return scaled;
}
