/** Decodes a posted JPEG with jpeg-js, at its full size: what Catwalk's own decoder is compared with. */
import { decode } from 'jpeg-js';

export default {
  async fetch(request: Request): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length === 0) return Response.json({});
    const { width, height } = decode(bytes, {
      useTArray: true,
      maxMemoryUsageInMB: 2048,
      maxResolutionInMP: 50,
    });
    return Response.json({ width, height });
  },
};
