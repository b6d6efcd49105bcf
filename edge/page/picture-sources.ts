import { openCamera } from './camera.ts';
import { openDrawing } from './draw.ts';
import { element, rasterize } from './element.ts';
import { listenForFiles, type Picture, withinLimits } from './pictures.ts';

const names = ['test', 'drawing', 'file', 'camera'] as const;
export type SourceName = (typeof names)[number];

/** From a stroke to its request. Strokes in between are part of it. */
const drawMilliseconds = 60;
/** Minimum time between two frames of the camera. */
const frameMilliseconds = 150;

/** Where the pictures of Try come from: test images, the drawing area, files and the camera. */
export interface PictureSources {
  readonly current: SourceName;
  choose(name: SourceName): Promise<void>;
  chooseTestImage(index: number): Promise<void>;
  /** Shows the image that the Worker has answered about. */
  showTestImage(index: number, label: string): Promise<void>;
  /** Stops what runs by itself while the view is hidden, and continues it. */
  setVisible(isVisible: boolean): void;
  /** Sets the network's proportions. */
  resize(height: number, width: number): void;
}

export interface SourceOptions {
  /** Height and width of the network's input. */
  inputSize(): [number, number];
  /** Shows and predicts a picture. */
  show(picture: Picture): Promise<void>;
  /** Empties the answer, as there is no picture yet. */
  clear(kicker: string): void;
  showError(error: unknown): void;
}

interface Source {
  /** @param index of a test image (default: a random one) */
  open(index?: number): unknown;
  close?(): void;
}

export function openSources(options: SourceOptions): PictureSources {
  let current: SourceName = 'test';
  const image = element('image', HTMLImageElement);
  const indexInput = element('index', HTMLInputElement);
  const drawing = openDrawingSource(options, () => current === 'drawing');
  const sources: Record<SourceName, Source> = {
    test: openTestSource(options, indexInput),
    drawing,
    file: openFileSource(options, image, () => choose('file')),
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
    get current() {
      return current;
    },
    choose,
    chooseTestImage: (index) =>
      current === 'test' ? options.show({ kind: 'test', index }) : choose('test', index),
    async showTestImage(index, label) {
      indexInput.value = String(index);
      // Enlarged by a whole factor, to about the size of the frame.
      const scale = Math.round(448 / Math.max(...options.inputSize()));
      image.src = `images/${index}.png?scale=${Math.min(20, Math.max(1, scale))}`;
      image.alt = `Test image ${index}: ${label}`;
      image.hidden = current !== 'test';
      await image.decode().catch(() => {});
    },
    setVisible(isVisible) {
      if (current !== 'camera') return;
      if (isVisible) sources.camera.open();
      else sources.camera.close?.();
    },
    resize(height, width) {
      drawing.resize(height, width);
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

function openDrawingSource({ show, clear }: SourceOptions, isCurrent: () => boolean) {
  let timer = 0;
  const drawing = openDrawing(() => {
    if (!isCurrent()) return;
    if (drawing.isEmpty) return clear('Draw something');
    // Only the first stroke starts the timer, so answers keep coming during a long line.
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      if (isCurrent()) showDrawing();
    }, drawMilliseconds);
  });

  async function showDrawing(): Promise<void> {
    const { canvas } = drawing;
    const blob = await rasterize(canvas, canvas.width, canvas.height).canvas.convertToBlob();
    await show({ kind: 'own', origin: 'drawing', blob });
  }

  return {
    open: () => (drawing.isEmpty ? clear('Draw something') : showDrawing()),
    resize: drawing.resize,
  };
}

function openFileSource(
  { show, clear }: SourceOptions,
  image: HTMLImageElement,
  choose: () => Promise<void>,
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
    open() {
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
      show({ kind: 'own', origin: 'file', blob: latest });
    },
  };
}

function openCameraSource(options: SourceOptions, isCurrent: () => boolean): Source {
  const camera = openCamera();
  const video = element('video', HTMLVideoElement);
  const hold = element('hold', HTMLButtonElement);

  async function open(): Promise<void> {
    options.clear('Looking');
    hold.textContent = 'Pause';
    try {
      await camera.start();
    } catch (error) {
      if (isCurrent()) options.showError(error);
      return;
    }
    while (camera.isOn && isCurrent()) {
      if (!video.paused) {
        const blob = await camera.frame(...options.inputSize());
        if (!isCurrent()) return;
        await options.show({ kind: 'own', origin: 'camera', blob });
      }
      await new Promise((resolve) => setTimeout(resolve, frameMilliseconds));
    }
  }

  hold.addEventListener('click', () => {
    if (!camera.isOn) return void open();
    if (video.paused) video.play();
    else video.pause();
    hold.textContent = video.paused ? 'Resume' : 'Pause';
  });
  return { open, close: camera.stop };
}
