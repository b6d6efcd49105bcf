"""Writes test images, enlarged, in every format that Pillow writes and the Worker reads.

    python3 test/support/corpus/encode_with_pillow.py <images.idx> <folder> [--first 0] [--count 100] [--every 1] [--largest-file N]

Each file is named <index>-<kind>.<extension>: index is the image's number in the IDX file. Images are enlarged 1 to 12
times, less if the file would be larger than --largest-file. Every --every-th image is written per kind.
"""

import argparse
import gzip
import io
from pathlib import Path

from PIL import Image, ImageChops, ImageOps


def exif_turned(image):
    """The picture as a camera held sideways stores it: rotated, with its EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return image.transpose(Image.Transpose.ROTATE_90), exif


def ycck(grey):
    """A YCCK JPEG, which Pillow does not write: its planes are written as CMYK, then Adobe's marker is changed to say YCCK."""
    # Adobe stores ink inverted; luma 255 - grey with no black ink is CMY ink of 255 - grey.
    white, middle = Image.new("L", grey.size, 255), Image.new("L", grey.size, 128)
    # Pillow inverts CMYK when it writes it; so does this.
    planes = [ImageOps.invert(plane) for plane in (grey, middle, middle, white)]
    data = bytearray(save(Image.merge("CMYK", planes), "JPEG", quality=92))
    marker = data.index(b"Adobe")
    data[marker + 11] = 2
    return bytes(data)


def save(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def transparent(grey, mode):
    """Black with alpha: over white this is the negative, which the Worker inverts again."""
    black = Image.new("L" if mode == "LA" else "RGB", grey.size, 0)
    image = black.copy()
    image.putalpha(grey)
    return image


def pillow_16_bits(grey):
    return Image.frombytes("I;16", grey.size, bytes(byte for value in grey.tobytes() for byte in (value, value)))


def turned(grey, format, **options):
    image, exif = exif_turned(grey)
    return save(image, format, exif=exif.tobytes(), **options)


def animated(grey, format, **options):
    others = [ImageChops.offset(grey, 3 * i) for i in (1, 2)]
    return save(grey, format, save_all=True, append_images=others, **options)


# Kind: extension, whether it keeps every pixel, encoder.
KINDS = {
    "png-grey": ("png", True, lambda g: save(g, "PNG")),
    "png-rgb": ("png", True, lambda g: save(g.convert("RGB"), "PNG")),
    "png-rgba": ("png", True, lambda g: save(g.convert("RGBA"), "PNG")),
    "png-palette": ("png", True, lambda g: save(g.convert("P"), "PNG")),
    "png-16-bits": ("png", True, lambda g: save(pillow_16_bits(g), "PNG")),
    "png-transparent": ("png", True, lambda g: save(transparent(g, "LA"), "PNG")),
    "png-turned": ("png", True, lambda g: turned(g, "PNG")),
    "jpeg": ("jpg", False, lambda g: save(g.convert("RGB"), "JPEG", quality=90)),
    "jpeg-grey": ("jpg", False, lambda g: save(g, "JPEG", quality=85)),
    "jpeg-progressive": ("jpg", False, lambda g: save(g.convert("RGB"), "JPEG", quality=85, progressive=True)),
    "jpeg-444": ("jpg", False, lambda g: save(g.convert("RGB"), "JPEG", quality=85, subsampling=0, optimize=True)),
    "jpeg-rgb": ("jpg", False, lambda g: save(g.convert("RGB"), "JPEG", quality=90, keep_rgb=True)),
    "jpeg-cmyk": ("jpg", False, lambda g: save(g.convert("RGB").convert("CMYK"), "JPEG", quality=90)),
    "jpeg-ycck": ("jpg", False, ycck),
    "jpeg-turned": ("jpg", False, lambda g: turned(g.convert("RGB"), "JPEG", quality=90)),
    "webp": ("webp", False, lambda g: save(g.convert("RGB"), "WEBP", quality=85)),
    "webp-lossless": ("webp", True, lambda g: save(g.convert("RGB"), "WEBP", lossless=True)),
    "webp-transparent": ("webp", True, lambda g: save(transparent(g, "RGBA"), "WEBP", lossless=True, exact=True)),
    "webp-lossy-transparent": ("webp", False, lambda g: save(transparent(g, "RGBA"), "WEBP", quality=85)),
    "webp-animated": ("webp", True, lambda g: animated(g.convert("RGB"), "WEBP", lossless=True)),
    "webp-turned": ("webp", True, lambda g: turned(g.convert("RGB"), "WEBP", lossless=True)),
    "gif": ("gif", True, lambda g: save(g, "GIF", interlace=0)),
    "gif-interlaced": ("gif", True, lambda g: save(g, "GIF", interlace=1)),
    "gif-animated": ("gif", True, lambda g: animated(g, "GIF")),
    "bmp-grey": ("bmp", True, lambda g: save(g, "BMP")),
    "bmp-rgb": ("bmp", True, lambda g: save(g.convert("RGB"), "BMP")),
    "bmp-rgba": ("bmp", True, lambda g: save(g.convert("RGBA"), "BMP")),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--largest-file", type=int, default=10_000_000)
    options = parser.parse_args()
    read = gzip.open if options.images.suffix == ".gz" else open
    with read(options.images, "rb") as file:
        pixels = file.read()[16:]
    options.folder.mkdir(parents=True, exist_ok=True)
    for number, (kind, (extension, exact, encode)) in enumerate(KINDS.items()):
        for index in range(options.first, options.first + options.count):
            if (index + 3 * number) % options.every != 0:
                continue
            small = Image.frombytes("L", (28, 28), pixels[784 * index : 784 * (index + 1)])
            scale = 1 + (index // options.every + 5 * number) % 12
            # For lossless kinds, pixels are repeated, so that the mean of each area is the pixel.
            filter = Image.Resampling.NEAREST if exact else Image.Resampling.BICUBIC
            while True:
                data = encode(small.resize((28 * scale, 28 * scale), filter))
                if len(data) <= options.largest_file or scale == 1:
                    break
                scale -= 1
            (options.folder / f"{index:03}-{kind}.{extension}").write_bytes(data)


main()
