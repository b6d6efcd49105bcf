"""A folded network in PyTorch on one thread, a native program to compare with.

    python test/bench/edge/peers/pytorch_network.py FOLDER

FOLDER holds network.json and weights.bin (test/bench/edge/networks/folded-network.ts) and images.bin. Answers as pytorch_forward.py does.
"""

import json
import os
import sys
import time

import torch
from torch.nn import functional


def read_floats(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32)


def clamp(x, node):
    if not node["relu"]:
        return x
    return functional.relu(x) if node["highest"] is None else x.clamp(0, node["highest"])


def prepare(node, weights):
    """Returns the function that computes a node from its inputs."""
    kind = node["kind"]
    if kind in ("convolution", "depthwise"):
        height, width = node["kernel"]
        outputs = node["outChannels"]
        inputs = 1 if kind == "depthwise" else node["inChannels"]
        count = height * width * inputs * outputs
        at = node["filterAt"]
        filters = weights[at : at + count].reshape(height, width, inputs, outputs)
        filters = filters.permute(3, 2, 0, 1).contiguous()
        bias = weights[at + count : at + count + outputs].clone()
        groups = outputs if kind == "depthwise" else 1
        top, bottom, left, right = node["pads"]

        def convolve(x, addend=None):
            padding = (top, left)
            if top != bottom or left != right:
                x, padding = functional.pad(x, (left, right, top, bottom)), 0
            y = functional.conv2d(x, filters, bias, node["stride"], padding, 1, groups)
            return clamp(y if addend is None else y + addend, node)

        return convolve
    if kind == "pool":
        pool = functional.avg_pool2d if node["average"] else functional.max_pool2d
        return lambda x: pool(x, node["kernel"], node["stride"])
    if kind == "add":
        return lambda x, y=0: clamp(x + y, node)
    if kind == "softmax":
        return lambda x: functional.softmax(x, 1)
    return lambda x: x


def main():
    torch.set_num_threads(1)
    torch.backends.nnpack.set_flags(False)
    folder = sys.argv[1]
    with open(os.path.join(folder, "network.json")) as file:
        network = json.load(file)
    weights = read_floats(folder, "weights.bin")
    height, width, channels = network["inputShape"]
    images = read_floats(folder, "images.bin").reshape(-1, height, width, channels)
    images = images.permute(0, 3, 1, 2).contiguous()
    steps = [(node["inputs"], node["output"], prepare(node, weights)) for node in network["nodes"]]

    def run(batch):
        values = {0: batch}
        for inputs, output, compute in steps:
            values[output] = compute(*(values[value] for value in inputs))
        return values[network["output"]]

    with torch.inference_mode():
        for line in sys.stdin:
            question = json.loads(line)
            batches = images.split(question["batch"])
            if question.get("logits"):
                answer = torch.cat([run(batch).flatten() for batch in batches]).tolist()
            else:
                start = time.perf_counter()
                for i in range(question["times"]):
                    run(batches[i % len(batches)])
                answer = 1000 * (time.perf_counter() - start)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
