/** Decodes a posted image as Catwalk does for a network's input, and nothing else: the cost of a photo that is not the network's. */
import { imageDecoders } from '../../../../edge/input/image-decoders.ts';
import { decodeImage } from '../../../../shared/image/decode-image.ts';
import { minSideFor } from '../../../../shared/image/model-input.ts';

export default {
  async fetch(request: Request): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length === 0) return Response.json({});
    const side = Number(new URL(request.url).searchParams.get('side') ?? 224);
    const minSide = minSideFor({ height: side, width: side });
    const { width, height } = await decodeImage(bytes, { ...imageDecoders, minSide });
    return Response.json({ width, height });
  },
};
