export { columnSums, maxPoolGradient, maxPoolGradientOfAnyWindow, reluGradient } from './elementwise';
export { padImages, windowStarts } from './image';
export { multiplyRows } from './multiply';
export { outerScratchBytes, sumOuterProducts } from './outer';
export { packPanels } from './pack';
