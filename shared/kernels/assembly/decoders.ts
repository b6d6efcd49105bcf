export { findGarment } from './garment';
export { boundsAddress, coloursAddress, maskAddress, rowAddress } from './garment-memory';
export {
  inflate,
  inflated,
  inflateGive,
  inflateInput,
  inflateOutput,
  inflateStart,
  inflateUnread,
} from './inflate';
export { decodeScan, finishComponent, nextMarker } from './jpeg';
export { makeHuffmanTable } from './jpeg-bits';
export { writeRgba } from './jpeg-colours';
export { componentAddress, huffmanAddress, keptAddress, quantizerAddress, tablesEnd } from './jpeg-memory';
export { addRow, greyPixels, startPicture } from './picture-rows';
