"""Catwalk's residual network and its recipe in PyTorch, a contestant of `npm run bench:train -- --network residual`.

    python test/bench/peers/pytorch_residual.py --data-dir FOLDER [--limit N] [--epochs N] [--threads N]

FOLDER holds train/LABEL/ and test/LABEL/ with pictures of 32x32 pixels. Prints one JSON object an epoch.
"""

import argparse
import json
import math
import os
import resource
import time

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

BATCH, RATE, DECAY, SMOOTHING, SHIFT = 128, 0.1, 5e-4, 0.1, 2


def load(folder, part):
    """All pictures of a part as bytes [N, 3, 32, 32], and their labels."""
    root = os.path.join(folder, part)
    pictures, labels = [], []
    for label, name in enumerate(sorted(os.listdir(root))):
        for file in sorted(os.listdir(os.path.join(root, name))):
            with Image.open(os.path.join(root, name, file)) as picture:
                pictures.append(numpy.asarray(picture.convert("RGB")))
            labels.append(label)
    return torch.from_numpy(numpy.stack(pictures)).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels)


def convolution(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Pair(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convolutions = nn.Sequential(convolution(channels, channels), convolution(channels, channels))

    def forward(self, images):
        return images + self.convolutions(images)


def whitening(pictures):
    """A convolution that is not trained: the principal axes of patches of the pictures, scaled to variance 1, and their negatives."""
    patches = pictures.unfold(2, 3, 2).unfold(3, 3, 2).permute(0, 2, 3, 1, 4, 5).reshape(-1, 27)
    variances, axes = torch.linalg.eigh(patches.T @ patches / len(patches))
    axes = (axes / torch.sqrt(variances + 5e-4)).flip(1)[:, :8].T.reshape(8, 3, 3, 3)
    layer = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    layer.weight = nn.Parameter(torch.cat([axes, -axes]), requires_grad=False)
    return nn.Sequential(layer, nn.ReLU(inplace=True))


def network(labels, pictures):
    return nn.Sequential(
        whitening(pictures),
        convolution(16, 32), nn.MaxPool2d(2),
        convolution(32, 64), nn.MaxPool2d(2), Pair(64),
        convolution(64, 128), nn.MaxPool2d(2), Pair(128),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, labels),
    )


def augment(images, generator):
    """Mirrors half of a batch, shifts it and repeats the edge, in one gather."""
    count, size = len(images), images.shape[-1]
    draw = lambda end: torch.randint(end, (count, 1), generator=generator)
    line = torch.arange(size)[None]
    columns = (line - draw(2 * SHIFT + 1) + SHIFT).clamp(0, size - 1)
    columns = torch.where(draw(2) == 0, columns, size - 1 - columns)
    rows = (line - draw(2 * SHIFT + 1) + SHIFT).clamp(0, size - 1)
    moved = images.permute(0, 2, 3, 1)[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--limit", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=22)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    images, labels = load(arguments.data_dir, "train")
    test_images, test_labels = load(arguments.data_dir, "test")
    sample = images[::5].float() / 255
    mean, std = (of(sample, (0, 2, 3)).view(1, 3, 1, 1) for of in (torch.mean, torch.std))
    scaled = lambda part: ((part.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
    if arguments.limit < len(images):
        chosen = torch.randperm(len(images), generator=generator)[: arguments.limit]
        images, labels = images[chosen], labels[chosen]
    model = network(int(labels.max()) + 1, scaled(images[:: max(1, len(images) // 2000)])).to(memory_format=torch.channels_last)
    decaying = [p for p in model.parameters() if p.ndim > 1 and p.requires_grad]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decaying, "weight_decay": DECAY}, {"params": others}]
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=0.9)
    steps = math.ceil(len(images) / BATCH)
    warmup = min(4, arguments.epochs / 4) * steps
    seconds, step = 0.0, 0
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        start = time.perf_counter()
        for part in torch.randperm(len(images), generator=generator).split(BATCH):
            share = (step - warmup) / (arguments.epochs * steps - warmup)
            rate = min(1, (step + 1) / warmup) if step < warmup else (1 + math.cos(math.pi * share)) / 2
            for group in optimizer.param_groups:
                group["lr"] = RATE * rate
            logits = model(scaled(augment(images[part], generator)))
            loss = functional.cross_entropy(logits, labels[part], label_smoothing=SMOOTHING)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
        epoch_seconds = time.perf_counter() - start
        seconds += epoch_seconds
        model.eval()
        with torch.inference_mode():
            parts = zip(test_images.split(500), test_labels.split(500))
            correct = sum((model(scaled(part)).argmax(1) == truth).sum().item() for part, truth in parts)
        result = {
            "epoch": epoch,
            "accuracy": correct / len(test_labels),
            "seconds": seconds,
            "imagesPerSecond": len(images) / epoch_seconds,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "threads": torch.get_num_threads(),
            "version": torch.__version__,
        }
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
