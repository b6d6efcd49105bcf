export { columnSums, maxPoolGradient, maxPoolGradientOfAnyWindow, reluGradient } from './elementwise';
export { padImages, pooledWindowStarts, windowStarts } from './image';
export { multiplyRows } from './multiply';
export { outerScratchBytes, sumOuterProducts } from './outer';
export { packPanels } from './pack';
export {
  addPooledFilterGradient,
  inputGradientScratchBytes,
  pooledInputGradient,
} from './pooled-gradients';
export { transpose } from './transpose';
export { winogradFilter, winogradPooled, winogradScratchBytes } from './winograd';
