"""Averages photos, decoded by Pillow (libjpeg) at full size. A line of JSON in, {"file", "side", "colour", "fit"}; a line out,
{"width", "height", "values"}: the upright photo, in grey or as red, green and blue, every pixel the mean of the area it covers. Its longer
side has that many pixels if it is to be contained, its shorter side to cover, and both to stretch. With {"enlarge": pixels, "to": file},
the photo is first enlarged to that longer side, and written to that file as a JPEG."""

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
    values = numpy.asarray(photo, dtype=numpy.float64)
    if not request["colour"]:
        values = (values @ [0.299, 0.587, 0.114])[:, :, None]
    side, fit = request["side"], request["fit"]
    scale = side / (min if fit == "cover" else max)(photo.size)
    # As Math.round does.
    width, height = (side if fit == "stretch" else max(1, int(length * scale + 0.5)) for length in photo.size)
    channels = values.shape[2]
    rows = average(values.reshape(photo.height, -1), height).reshape(height, photo.width, channels)
    columns = average(rows.transpose(1, 0, 2).reshape(photo.width, -1), width).reshape(width, height, channels)
    small = columns.transpose(1, 0, 2)
    print(json.dumps({"width": width, "height": height, "values": small.ravel().tolist()}), flush=True)
