import { element, rasterize } from './element.ts';

/** An image on screen. A test image without an index is one that the Worker chooses. */
export type Picture =
  | { kind: 'test'; index: number | null }
  | { kind: 'own'; blob: Blob; origin: 'drawing' | 'file' | 'camera' };

/** The Worker's limits (docs/05-http-api.md). */
const maxBytes = 10 * 2 ** 20;
const maxPixels = 4_000_000;
/** The longer side of a picture that exceeded the limits. The network sees far fewer pixels. */
const reducedSide = 1024;

/** Reduces a picture that exceeds the Worker's limits, if the browser can decode it. */
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
export function listenForFiles(onFile: (file: File) => void): void {
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
