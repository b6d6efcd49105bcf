"""PyTorch's Fashion-MNIST tutorial: its network, recipe and loop, a contestant of `npm run bench:train`.

    python test/bench/peers/pytorch_tutorial.py --data-dir FOLDER [--limit N] [--epochs N] [--threads N]

FOLDER holds the four IDX files, gzipped or not. Prints one JSON object an epoch.
"""

import argparse
import gzip
import json
import os
import resource
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def read_idx(folder, name, header):
    path = os.path.join(folder, name)
    opener, path = (open, path) if os.path.exists(path) else (gzip.open, path + ".gz")
    with opener(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def load(folder, prefix, limit):
    images = read_idx(folder, f"{prefix}-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:limit]
    labels = read_idx(folder, f"{prefix}-labels-idx1-ubyte", 8)[:limit]
    # ToTensor and Normalize((0.5,), (0.5,)), done once, because the tutorial's transforms would slow it down.
    return TensorDataset((images.float() / 255 - 0.5) / 0.5, labels.long())


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(1152, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)
        )

    def forward(self, images):
        return self.classifier(self.convolutions(images))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--limit", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--until", type=float, help="stop after the epoch that reaches this accuracy")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    train = DataLoader(load(arguments.data_dir, "train", arguments.limit), batch_size=64, shuffle=True)
    test = DataLoader(load(arguments.data_dir, "t10k", None), batch_size=64)
    model = Network()
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    seconds = 0.0
    for epoch in range(1, arguments.epochs + 1):
        model.train()
        start = time.perf_counter()
        for images, labels in train:
            loss = loss_function(model(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        epoch_seconds = time.perf_counter() - start
        seconds += epoch_seconds
        model.eval()
        with torch.no_grad():
            correct = sum(
                (model(images).argmax(1) == labels).sum().item() for images, labels in test
            )
        accuracy = correct / len(test.dataset)
        print(
            json.dumps(
                {
                    "epoch": epoch,
                    "accuracy": accuracy,
                    "seconds": seconds,
                    "imagesPerSecond": len(train.dataset) / epoch_seconds,
                    "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                    "threads": torch.get_num_threads(),
                    "version": torch.__version__,
                }
            ),
            flush=True,
        )
        if arguments.until and accuracy >= arguments.until:
            return


if __name__ == "__main__":
    main()
