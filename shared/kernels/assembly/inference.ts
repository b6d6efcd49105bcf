export { denseBytes, denseRows, packDense } from './dense';
export { padImages, pooledWindowStarts } from './image';
export { multiplyRows } from './multiply';
export { packPanels } from './pack';
export { winogradFilter, winogradPooled, winogradScratchBytes } from './winograd';
