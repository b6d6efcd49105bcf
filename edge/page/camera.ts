import { element } from './element.ts';
import { Trouble } from './requests.ts';

/** The longer side of a frame, as sent to the Worker. */
const frameSide = 224;

export interface Camera {
  readonly isOn: boolean;
  /** @throws {Trouble} if there is no camera, or the page may not use it */
  start(): Promise<void>;
  stop(): void;
  /** @returns the middle of the frame in the network's proportions, as PNG */
  frame(height: number, width: number): Promise<Blob>;
}

const reasons: Record<string, string> = {
  NotAllowedError: 'This page may not use it: allow it in the browser’s address bar.',
  NotFoundError: 'This device has none.',
  NotReadableError: 'Another program is using it.',
};

export function openCamera(): Camera {
  const video = element('video', HTMLVideoElement);
  let stream: MediaStream | null = null;
  let starts = 0;

  function stop(): void {
    starts++;
    for (const track of stream?.getTracks() ?? []) track.stop();
    stream = null;
    video.srcObject = null;
  }

  return {
    get isOn() {
      return stream !== null;
    },
    async start() {
      stop();
      const thisStart = starts;
      if (!navigator.mediaDevices) {
        throw new Trouble('no_camera', 'No camera here', 'Browsers allow it only over HTTPS.');
      }
      const options = { video: { facingMode: 'environment' } };
      const opened = await navigator.mediaDevices.getUserMedia(options).catch((error: Error) => {
        const reason = reasons[error.name] ?? error.message;
        throw new Trouble('no_camera', 'The camera does not start', reason);
      });
      // The visitor may have left the camera meanwhile.
      if (thisStart !== starts) return void opened.getTracks().map((track) => track.stop());
      stream = opened;
      video.srcObject = opened;
      await video.play();
    },
    stop,
    frame(height, width) {
      const scale = Math.min(video.videoWidth / width, video.videoHeight / height);
      const [cropWidth, cropHeight] = [width * scale, height * scale];
      const target = frameSide / Math.max(height, width);
      const canvas = new OffscreenCanvas(Math.round(width * target), Math.round(height * target));
      const left = (video.videoWidth - cropWidth) / 2;
      const top = (video.videoHeight - cropHeight) / 2;
      canvas
        .getContext('2d')
        ?.drawImage(video, left, top, cropWidth, cropHeight, 0, 0, canvas.width, canvas.height);
      return canvas.convertToBlob();
    },
  };
}
