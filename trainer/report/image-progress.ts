import { SingleBar } from 'cli-progress';

/** A bar of the images that are done, on a terminal; nothing elsewhere. */
export function imageProgress(stream: NodeJS.WriteStream) {
  let bar: SingleBar | undefined;
  return {
    update(done: number, of: number): void {
      if (!stream.isTTY) return;
      if (!bar) {
        bar = new SingleBar({
          stream,
          clearOnComplete: true,
          hideCursor: true,
          format: '{bar} {percentage}% | {value}/{total} images | {eta_formatted} left',
          barCompleteChar: '█',
          barIncompleteChar: '░',
          barsize: 24,
        });
        bar.start(of, done);
      }
      bar.update(done);
    },
    /** Leaves the terminal as it was. */
    close: () => bar?.stop(),
  };
}
