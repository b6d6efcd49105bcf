export { convolve } from './convolve';
export { depthwise } from './depthwise';
export { addImages, clearBorder } from './frame';
export { poolWindows } from './pool';
export { convolveByWinograd } from './winograd-layer';
