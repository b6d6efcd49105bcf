import type { Crop } from '../../shared/model/prediction.ts';
import { element } from './element.ts';

export interface Size {
  width: number;
  height: number;
}

/** Draws the part of a picture that the network saw on the frame that shows the picture. */
export function openCropMark() {
  const frame = element('frame', HTMLElement);
  const mark = element('crop', HTMLElement);

  function hide(): void {
    mark.hidden = true;
  }

  /** @param size of the whole picture, which is centred in the frame */
  function show(crop: Crop, size: Size): void {
    const { clientWidth, clientHeight } = frame;
    const scale = Math.min(clientWidth / size.width, clientHeight / size.height);
    const left = (clientWidth - size.width * scale) / 2 + crop.x * scale;
    const top = (clientHeight - size.height * scale) / 2 + crop.y * scale;
    // In percent, because the frame keeps its proportions if the window changes its size.
    const percent = (length: number, of: number) => `${(100 * length) / of}%`;
    mark.style.left = percent(left, clientWidth);
    mark.style.top = percent(top, clientHeight);
    mark.style.width = percent(crop.width * scale, clientWidth);
    mark.style.height = percent(crop.height * scale, clientHeight);
    mark.hidden = crop.width === size.width && crop.height === size.height;
  }

  return { hide, show };
}
