"""Averages photos to grey images, decoded by Pillow (libjpeg) at full size. A line of JSON in, {"file", "side"}; a line out,
{"width", "height", "values"}: the upright photo, its longer side of that many pixels, every pixel the mean of the area it covers.
With {"enlarge": pixels, "to": file}, the photo is first enlarged to that longer side, and written to that file as a JPEG."""

import json
import sys

import numpy
from PIL import Image, ImageOps


def average(values, length):
    """Averages the first axis to another length; pixels that are covered in part count by their share."""
    sums = numpy.concatenate([numpy.zeros((1, values.shape[1])), numpy.cumsum(values, axis=0)])
    edges = numpy.linspace(0, len(values), length + 1)
    whole = numpy.minimum(edges.astype(int), len(values) - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * values[whole]
    return (at_edges[1:] - at_edges[:-1]) * length / len(values)


for line in sys.stdin:
    request = json.loads(line)
    photo = Image.open(request["file"])
    if "enlarge" in request:
        factor = request["enlarge"] / max(photo.size)
        photo = photo.resize([round(side * factor) for side in photo.size], Image.Resampling.BICUBIC)
        photo.save(request["to"], "JPEG", quality=90, exif=Image.open(request["file"]).getexif())
        photo = Image.open(request["to"])
    photo = ImageOps.exif_transpose(photo).convert("RGB")
    luma = numpy.asarray(photo, dtype=numpy.float64) @ [0.299, 0.587, 0.114]
    scale = request["side"] / max(photo.size)
    # As Math.round does.
    width, height = (max(1, int(side * scale + 0.5)) for side in photo.size)
    small = average(average(luma, height).T, width).T
    print(json.dumps({"width": width, "height": height, "values": small.ravel().tolist()}), flush=True)
