import { openCameraSource } from './camera.ts';
import { openDrawingSource } from './draw.ts';
import { element } from './element.ts';
import { openFileSource, type Source, type SourceOptions } from './pictures.ts';
import { testImageUrl } from './test-images.ts';

const names = ['test', 'drawing', 'file', 'camera'] as const;
type SourceName = (typeof names)[number];

/** The sources of the pictures in Try: test images, the drawing area, files and the camera. */
export function openSources(options: SourceOptions) {
  let current: SourceName = 'test';
  const image = element('image', HTMLImageElement);
  const indexInput = element('index', HTMLInputElement);
  const drawing = openDrawingSource(options, () => current === 'drawing');
  const sources: Record<SourceName, Source> = {
    test: openTestSource(options, indexInput),
    drawing,
    file: openFileSource(
      options,
      image,
      () => choose('file'),
      () => current === 'file',
    ),
    camera: openCameraSource(options, () => current === 'camera'),
  };

  async function choose(name: SourceName, index?: number): Promise<void> {
    if (name !== current) sources[current].close?.();
    current = name;
    for (const each of names) {
      element(`tools-${each}`, HTMLElement).hidden = each !== name;
      element(`source-${each}`, HTMLInputElement).checked = each === name;
    }
    image.hidden = true;
    element('paper', HTMLElement).hidden = name !== 'drawing';
    element('video', HTMLElement).hidden = name !== 'camera';
    element('empty', HTMLElement).hidden = name !== 'file';
    await sources[name].open(index);
  }

  for (const input of element('sources', HTMLElement).querySelectorAll('input')) {
    input.addEventListener('change', () => choose(input.value as SourceName));
  }

  return {
    get current(): SourceName {
      return current;
    },
    choose,
    chooseTestImage: (index: number) =>
      current === 'test' ? options.show({ kind: 'test', index }) : choose('test', index),
    /** Shows the image that the Worker has answered about. */
    async showTestImage(index: number, label: string): Promise<void> {
      indexInput.value = String(index);
      // Enlarged by a whole factor, to about the size of the frame.
      const shape = options.inputShape();
      const scale = Math.round(448 / Math.max(shape[0], shape[1]));
      image.src = testImageUrl(index, shape, Math.min(20, Math.max(1, scale)));
      image.alt = `Test image ${index}: ${label}`;
      image.hidden = current !== 'test';
      await image.decode().catch(() => {});
    },
    /** Stops the camera while the view is hidden. */
    setVisible(isVisible: boolean): void {
      if (current !== 'camera') return;
      if (isVisible) sources.camera.open();
      else sources.camera.close?.();
    },
    /** Sets the network's proportions. */
    resize(height: number, width: number, channels: number): void {
      drawing.resize(height, width, channels);
      element('frame', HTMLElement).style.aspectRatio = `${width} / ${height}`;
    },
  };
}

function openTestSource({ show }: SourceOptions, indexInput: HTMLInputElement): Source {
  const open = (index: number | null = null) => show({ kind: 'test', index });
  const step = (by: number) => () => {
    const index = indexInput.value === '' ? 0 : Number(indexInput.value) + by;
    if (index >= 0) open(index);
  };
  element('previous', HTMLButtonElement).addEventListener('click', step(-1));
  element('next', HTMLButtonElement).addEventListener('click', step(1));
  element('random', HTMLButtonElement).addEventListener('click', () => open());
  indexInput.addEventListener('change', () => {
    if (indexInput.value !== '') open(Number(indexInput.value));
  });
  return { open };
}
