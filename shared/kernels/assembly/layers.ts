export { convolve } from './convolve';
export { applyCurve } from './curves';
export { depthwise } from './depthwise';
export { addImages, clearBorder, copyChannels, multiplyImages } from './frame';
export { poolWindows } from './pool';
export { convolveByWinograd } from './winograd-layer';
