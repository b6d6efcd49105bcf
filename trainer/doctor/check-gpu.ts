import { queryGpus } from '../backends/gpu.ts';
import { type Check, messageOf } from './check.ts';

/** The driver and its GPUs. That TensorFlow uses them is the backend's line. */
export const checkGpu: Check = async ({ device }) => {
  const name = 'gpu';
  try {
    return (await queryGpus()).map((gpu) => ({ name, status: 'ok', detail: gpu }));
  } catch (error) {
    const detail = messageOf(error);
    if (device !== 'gpu') return [{ name, status: 'ok', detail: `none: ${detail}` }];
    const advice =
      "Install NVIDIA's driver; for a container also its container toolkit, and start it with --gpus all.";
    return [{ name, status: 'fail', detail, advice }];
  }
};
