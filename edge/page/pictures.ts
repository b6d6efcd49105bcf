import { element } from './element.ts';

/** The image on screen: one of the test set (`null` leaves the choice to the Worker), or one of the visitor's own. */
export type Picture =
  | { kind: 'test'; index: number | null }
  | { kind: 'own'; blob: Blob; origin: 'drawing' | 'file' | 'camera' };

/** What the Worker takes (docs/05-http-api.md). */
const mostBytes = 10 * 2 ** 20;
const mostPixels = 4_000_000;
/** The network sees far fewer pixels than are left. */
const shrunkSide = 1024;

/** A picture that the Worker would refuse for its size is made smaller here, where the browser can read it. */
export async function withinBounds(file: Blob): Promise<{ blob: Blob; note: string }> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return { blob: file, note: '' };
  }
  const { width, height } = bitmap;
  if (file.size <= mostBytes && width * height <= mostPixels) {
    bitmap.close();
    return { blob: file, note: '' };
  }
  const scale = shrunkSide / Math.max(width, height);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return {
    blob: await toPng(canvas),
    note: `Sent at ${canvas.width} × ${canvas.height} instead of ${width} × ${height}.`,
  };
}

export function toPng(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The canvas is too large.'))));
  });
}

/** Takes pictures that are dropped anywhere on the page, pasted, or chosen. */
export function takeGivenFiles(onFile: (file: File) => void): void {
  const input = element('file', HTMLInputElement);
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file) onFile(file);
    // The same file may be chosen again.
    input.value = '';
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    onFile(file);
  });
  const carriesFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    document.body.classList.remove('dropping');
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    onFile(file);
  });
}
