export { columnSums, maxPoolGradient, maxPoolGradientOfAnyWindow, reluGradient } from './elementwise';
export { padImages, pooledWindowStarts, windowStarts } from './image';
export { multiplyRows } from './multiply';
export { outerScratchBytes, sumOuterProducts } from './outer';
export { packPanels } from './pack';
export { addPooledFilterGradient } from './pooled-filter-gradient';
export { inputGradientScratchBytes, pooledInputGradient } from './pooled-input-gradient';
export { transpose } from './transpose';
export { winogradFilter, winogradPooled, winogradScratchBytes } from './winograd';
