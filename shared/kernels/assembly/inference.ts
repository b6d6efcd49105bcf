export { denseBytes, denseRows, packDense } from './dense';
export { padImages, pooledWindowStarts } from './image';
export { multiplyRows } from './multiply';
export { packPanels } from './pack';
export { reservedBytes } from './staged';
export { winogradFilter, winogradPooledStaged as winogradPooled, winogradScratchBytes } from './winograd';
