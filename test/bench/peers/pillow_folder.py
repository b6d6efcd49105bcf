"""Makes large JPEGs of photos, and reads them as training input, both with Pillow and two processes.

    pillow_folder.py make <photos> <folder> <count>     12-megapixel JPEGs in <folder>/train/<0|1>/ and test/<0|1>/
    pillow_folder.py read <folder> [--draft]            prints the seconds that reading them as 28x28 grey images takes
"""

import multiprocessing
import os
import random
import sys
import time

from PIL import Image, ImageEnhance

PROCESSES = 2
SIZE = (4000, 3000)


def files_in(folder):
    names = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    return sorted(name for name in names if name.lower().endswith((".jpg", ".jpeg", ".png")))


def make(task):
    source, target, seed = task
    draw = random.Random(seed)
    image = Image.open(source).convert("RGB")
    # Another part, brightness and grain for each, so that no two files are the same and sizes are those of phones.
    width, height = image.size
    left, top = draw.uniform(0, 0.2) * width, draw.uniform(0, 0.2) * height
    image = image.resize(SIZE, Image.BICUBIC, (left, top, left + 0.8 * width, top + 0.8 * height))
    image = ImageEnhance.Brightness(image).enhance(draw.uniform(0.8, 1.2))
    grain = Image.effect_noise((SIZE[0] // 2, SIZE[1] // 2), draw.uniform(10, 25)).resize(SIZE).convert("RGB")
    image = Image.blend(image, grain, 0.15)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    image.save(target, quality=draw.randint(80, 92), subsampling=draw.choice([0, 2, 2, 2]))


def read(task):
    path, draft = task
    image = Image.open(path)
    if draft:
        image.draft("RGB", (448, 448))
    return image.convert("L").resize((28, 28), Image.BOX).tobytes()


def main():
    with multiprocessing.Pool(PROCESSES) as pool:
        if sys.argv[1] == "make":
            photos, folder, count = files_in(sys.argv[2]), sys.argv[3], int(sys.argv[4])
            parts = ["test" if i % 10 == 0 else "train" for i in range(count)]
            tasks = [
                (photos[i % len(photos)], f"{folder}/{part}/{i // 2 % 2}/{i:05}.jpg", i)
                for i, part in enumerate(parts)
            ]
            pool.map(make, tasks, 4)
            return
        start = time.perf_counter()
        tasks = [(path, "--draft" in sys.argv) for path in files_in(sys.argv[2])]
        pool.map(read, tasks, 8)
        print(time.perf_counter() - start)


main()
