"""PyTorch's forward pass on one thread, a native program to compare with.

    python test/bench/edge/peers/pytorch_forward.py FOLDER

FOLDER holds network.json (the layers), weights.bin (each layer's weight, then its bias) and images.bin (normalized test
images), both of little-endian 32-bit floats. Reads a JSON object a line, {"batch": B, "times": N} or
{"batch": B, "logits": true}, and answers with the milliseconds of N forward passes, or with the logits of all images.
"""

import json
import os
import sys
import time

import torch
from torch import nn


def read_floats(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32)


def build(folder):
    with open(os.path.join(folder, "network.json")) as file:
        description = json.load(file)
    weights = read_floats(folder, "weights.bin")
    offset = 0
    layers = []
    for layer in description:
        kind = layer["type"]
        if kind == "flatten":
            layers.append(nn.Flatten())
        elif kind == "maxPool2d":
            layers.append(nn.MaxPool2d(layer["poolSize"]))
        else:
            outputs, inputs = layer["shape"][:2]
            if kind == "conv2d":
                size = layer["kernelSize"]
                module = nn.Conv2d(inputs, outputs, size, padding=(size - 1) // 2)
            else:
                module = nn.Linear(inputs, outputs)
            with torch.no_grad():
                for parameter in (module.weight, module.bias):
                    count = parameter.numel()
                    parameter.copy_(weights[offset : offset + count].reshape(parameter.shape))
                    offset += count
            layers.append(module)
            if kind == "conv2d" or layer["relu"]:
                layers.append(nn.ReLU())
    return nn.Sequential(*layers).eval()


def main():
    torch.set_num_threads(1)
    # If the processor does not support NNPACK, PyTorch would try it and print a warning with every batch.
    torch.backends.nnpack.set_flags(False)
    folder = sys.argv[1]
    network = build(folder)
    images = read_floats(folder, "images.bin").reshape(-1, 1, 28, 28)
    with torch.inference_mode():
        for line in sys.stdin:
            question = json.loads(line)
            batches = images.split(question["batch"])
            if question.get("logits"):
                answer = torch.cat([network(batch) for batch in batches]).flatten().tolist()
            else:
                start = time.perf_counter()
                for i in range(question["times"]):
                    network(batches[i % len(batches)])
                answer = 1000 * (time.perf_counter() - start)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
