import { element } from './element.ts';
import { toPng } from './pictures.ts';
import { Trouble } from './trouble.ts';

/** Of a frame's longer side, as it is sent. */
const frameSide = 224;

export interface Camera {
  readonly isOn: boolean;
  /** @throws {Trouble} where there is no camera, or it may not be used */
  start(): Promise<void>;
  stop(): void;
  /** @returns the middle of the frame in the network's proportions */
  frame(height: number, width: number): Promise<Blob>;
}

const reasons: Record<string, string> = {
  NotAllowedError: 'This page may not use it: allow it in the browser’s address bar.',
  NotFoundError: 'This device has none.',
  NotReadableError: 'Another program is using it.',
};

export function openCamera(): Camera {
  const video = element('video', HTMLVideoElement);
  const canvas = document.createElement('canvas');
  let stream: MediaStream | null = null;
  let starting = 0;

  function stop(): void {
    starting++;
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
      const mine = starting;
      if (!navigator.mediaDevices) {
        throw new Trouble('no_camera', 'No camera here', 'Browsers allow it over HTTPS alone.');
      }
      let opened: MediaStream;
      try {
        opened = await navigator.mediaDevices.getUserMedia({
          video: { facingMode: 'environment' },
        });
      } catch (error) {
        const { name, message } = error as Error;
        throw new Trouble('no_camera', 'The camera does not start', reasons[name] ?? message);
      }
      // Meanwhile the visitor may have gone elsewhere.
      if (mine !== starting) return void opened.getTracks().map((track) => track.stop());
      stream = opened;
      video.srcObject = opened;
      await video.play();
    },
    stop,
    async frame(height, width) {
      const scale = Math.min(video.videoWidth / width, video.videoHeight / height);
      const [cropWidth, cropHeight] = [width * scale, height * scale];
      const target = frameSide / Math.max(height, width);
      canvas.width = Math.round(width * target);
      canvas.height = Math.round(height * target);
      canvas
        .getContext('2d')
        ?.drawImage(
          video,
          (video.videoWidth - cropWidth) / 2,
          (video.videoHeight - cropHeight) / 2,
          cropWidth,
          cropHeight,
          0,
          0,
          canvas.width,
          canvas.height,
        );
      return toPng(canvas);
    },
  };
}
