import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { element } from './element.ts';
import type { Source, SourceOptions } from './pictures.ts';
import { Trouble } from './requests.ts';
import { seesPhotos } from './test-images.ts';

/** The longer side of a frame, as sent to the Worker. */
const frameSide = 224;
/** Minimum time between two frames. */
const frameMilliseconds = 150;

const reasons: Record<string, string> = {
  NotAllowedError: 'This page may not use it: allow it in the browser’s address bar.',
  NotFoundError: 'This device has none.',
  NotReadableError: 'Another program is using it.',
};

/** Predicts one frame of the camera after the other, until it is paused or another source is chosen. */
export function openCameraSource(options: SourceOptions, isCurrent: () => boolean): Source {
  const video = element('video', HTMLVideoElement);
  const hold = element('hold', HTMLButtonElement);
  let stream: MediaStream | null = null;
  let starts = 0;

  function close(): void {
    starts++;
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  async function start(): Promise<void> {
    close();
    const thisStart = starts;
    const opened = await requestCamera();
    // The visitor may have left the camera meanwhile.
    if (thisStart !== starts) return void opened.getTracks().map((track) => track.stop());
    stream = opened;
    video.srcObject = opened;
    await video.play();
  }

  async function open(): Promise<void> {
    options.clear('Looking');
    hold.textContent = 'Pause';
    try {
      await start();
    } catch (error) {
      if (isCurrent()) options.showError(error);
      return;
    }
    while (stream && isCurrent()) {
      if (!video.paused) {
        const frame = await captureFrame(video, options.inputShape());
        if (!isCurrent()) return;
        await options.show({ kind: 'own', origin: 'camera', ...frame });
      }
      await new Promise((resolve) => setTimeout(resolve, frameMilliseconds));
    }
  }

  hold.addEventListener('click', () => {
    if (!stream) return void open();
    if (video.paused) video.play();
    else video.pause();
    hold.textContent = video.paused ? 'Resume' : 'Pause';
  });
  return { open, close };
}

/** @throws {Trouble} if there is no camera, or the page may not use it */
async function requestCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new Trouble('no_camera', 'No camera here', 'Browsers allow it only over HTTPS.');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    const { name, message } = error as Error;
    throw new Trouble('no_camera', 'The camera does not start', reasons[name] ?? message);
  }
}

/** @returns the middle of the frame in the network's proportions: as PNG, or as JPEG, which is far smaller, if the network sees photos */
async function captureFrame(
  video: HTMLVideoElement,
  [height, width, channels]: ModelSpec['inputShape'],
) {
  const scale = Math.min(video.videoWidth / width, video.videoHeight / height);
  const [cropWidth, cropHeight] = [width * scale, height * scale];
  const left = (video.videoWidth - cropWidth) / 2;
  const top = (video.videoHeight - cropHeight) / 2;
  const target = frameSide / Math.max(height, width);
  const canvas = new OffscreenCanvas(Math.round(width * target), Math.round(height * target));
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.imageSmoothingQuality = 'high';
  context.drawImage(video, left, top, cropWidth, cropHeight, 0, 0, canvas.width, canvas.height);
  const size = { width: canvas.width, height: canvas.height };
  const isPhoto = seesPhotos([height, width, channels]);
  const type = isPhoto ? { type: 'image/jpeg', quality: 0.92 } : {};
  return { blob: await canvas.convertToBlob(type), size };
}
