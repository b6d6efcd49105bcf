/** A container image for GPUs sets CATWALK_DEVICE, so that it fails where it finds none; options go before it. */
export function imageOptions(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const { CATWALK_DEVICE: device } = environment;
  return device ? { device } : {};
}
