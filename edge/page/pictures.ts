import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Size } from './crop-mark.ts';
import { element, rasterize } from './element.ts';

/** An image on screen. A test image without an index is one that the Worker chooses. */
export type Picture =
  | { kind: 'test'; index: number | null }
  | {
      kind: 'own';
      blob: Blob;
      origin: 'drawing' | 'file' | 'camera';
      /** Its size if it is a photo, on which the part that the network saw is drawn. */
      size?: Size;
    };

export interface SourceOptions {
  /** Height, width and channels of the network's input. */
  inputShape(): ModelSpec['inputShape'];
  /** Shows and predicts a picture. */
  show(picture: Picture): Promise<void>;
  /** Empties the answer, as there is no picture yet. */
  clear(kicker: string): void;
  showError(error: unknown): void;
}

/** One of the four sources. */
export interface Source {
  /** @param index of a test image (default: a random one) */
  open(index?: number): unknown;
  close?(): void;
}

/** Larger pictures are reduced: their upload would take longer. The Worker accepts these in every format (docs/05-http-api.md). */
const maxBytes = 10 * 2 ** 20;
const maxPixels = 2_000_000;
/** The longer side of a picture that exceeded the limits. The network sees far fewer pixels. */
const reducedSide = 1024;

/** Reduces a picture that exceeds the limits, if the browser can decode it. */
export async function withinLimits(file: Blob): Promise<{ blob: Blob; note: string }> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return { blob: file, note: '' };
  const { width, height } = bitmap;
  try {
    if (file.size <= maxBytes && width * height <= maxPixels) return { blob: file, note: '' };
    const scale = reducedSide / Math.max(width, height);
    const [newWidth, newHeight] = [width, height].map((side) =>
      Math.max(1, Math.round(side * scale)),
    ) as [number, number];
    return {
      blob: await rasterize(bitmap, newWidth, newHeight).canvas.convertToBlob(),
      note: `Sent at ${newWidth} × ${newHeight} instead of ${width} × ${height}.`,
    };
  } finally {
    bitmap.close();
  }
}

/** Calls `onFile` for pictures that are dropped on the page, pasted or chosen. */
function listenForFiles(onFile: (file: File) => void): void {
  const input = element('file', HTMLInputElement);
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file) onFile(file);
    // Allows choosing the same file again.
    input.value = '';
  });
  const take = (event: Event, data: DataTransfer | null) => {
    const [file] = data?.files ?? [];
    if (!file) return;
    event.preventDefault();
    onFile(file);
  };
  document.addEventListener('paste', (event) => take(event, event.clipboardData));
  document.addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    document.body.classList.remove('dropping');
    take(event, event.dataTransfer);
  });
}

export function openFileSource(
  { show, clear }: SourceOptions,
  image: HTMLImageElement,
  choose: () => Promise<void>,
  isCurrent: () => boolean,
): Source {
  const note = element('file-note', HTMLElement);
  let latest: Blob | null = null;
  let objectUrl = '';

  listenForFiles(async (file) => {
    note.textContent = '';
    const reduced = await withinLimits(file);
    latest = reduced.blob;
    location.hash = '#/try';
    await choose();
    note.textContent = reduced.note || file.name;
  });

  return {
    async open() {
      if (!latest) return clear('Waiting for a picture');
      element('empty', HTMLElement).hidden = true;
      URL.revokeObjectURL(objectUrl);
      objectUrl = URL.createObjectURL(latest);
      image.src = objectUrl;
      image.alt = 'Your picture';
      image.hidden = false;
      image.onerror = () => {
        image.hidden = true;
      };
      const blob = latest;
      // The browser applies the EXIF orientation, as the Worker does.
      const isDecoded = await image.decode().then(
        () => true,
        () => false,
      );
      const { naturalWidth: width, naturalHeight: height } = image;
      const size = isDecoded ? { size: { width, height } } : {};
      // The visitor may have chosen something else meanwhile.
      if (blob === latest && isCurrent()) show({ kind: 'own', origin: 'file', blob, ...size });
    },
  };
}
