"""The tutorial's network in PyTorch, which writes and reads weights to compare with.

    python test/support/python/tutorial_weights.py fixtures            # writes test/fixtures/pytorch again
    python test/support/python/tutorial_weights.py save FOLDER         # a trained network: weights and logits
    python test/support/python/tutorial_weights.py load FILE           # logits of an exported .safetensors, as JSON

Logits are those of the 100 images in test/fixtures/fashion-mnist-test-100. Needs torch and safetensors.
"""

import json
import os
import sys

import torch
from safetensors.torch import load_file, save_file
from torch import nn

here = os.path.dirname(os.path.abspath(__file__))
fixtures = os.path.join(here, "..", "..", "fixtures")


class Network(nn.Module):
    """The tutorial's network, or a narrower one."""

    def __init__(self, filters=(32, 64, 128), units=512, labels=10):
        super().__init__()
        first, second, third = filters
        self.conv1 = nn.Conv2d(1, first, 3, padding=1)
        self.conv2 = nn.Conv2d(first, second, 3, padding=1)
        self.conv3 = nn.Conv2d(second, third, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(third * 3 * 3, units)
        self.dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(units, labels)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = self.pool(torch.relu(self.conv3(x)))
        x = self.dropout(torch.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


def read(name, header):
    with open(os.path.join(fixtures, "fashion-mnist-test-100", name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def images():
    return (read("test-images.idx", 16).reshape(-1, 1, 28, 28).float() / 255 - 0.5) / 0.5


def trained(network, steps):
    """Overfits the 100 images, so that the logits differ clearly."""
    optimizer = torch.optim.Adam(network.parameters(), lr=0.002)
    labels = read("test-labels.idx", 8).long()
    for _ in range(steps):
        nn.functional.cross_entropy(network(images()), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    return network.eval()


def logits(network):
    with torch.no_grad():
        return network.eval()(images())


def rounded(values):
    return [[round(value, 6) for value in row] for row in values.tolist()]


def write_fixtures():
    torch.manual_seed(1)
    folder = os.path.join(fixtures, "pytorch")
    os.makedirs(folder, exist_ok=True)
    network = trained(Network(filters=(4, 8, 16), units=16), steps=60)
    state = network.state_dict()
    expected = {"narrow": rounded(logits(network)[:10])}
    torch.save(state, os.path.join(folder, "narrow.pth"))
    save_file(state, os.path.join(folder, "narrow.safetensors"))

    # All variants of tensors: of every float type, with channels last, as views of one storage, transposed.
    flat = torch.cat([state["conv2.bias"], state["fc1.bias"], state["fc2.bias"]])
    state["conv1.weight"] = state["conv1.weight"].double()
    state["conv2.weight"] = state["conv2.weight"].to(memory_format=torch.channels_last)
    state["conv3.weight"] = state["conv3.weight"].half()
    state["conv3.bias"] = nn.Parameter(state["conv3.bias"].bfloat16())
    state["fc1.weight"] = state["fc1.weight"].t().contiguous().t()
    state["conv2.bias"], state["fc1.bias"], state["fc2.bias"] = flat[:8], flat[8:24], flat[24:]
    assert not state["conv2.weight"].is_contiguous() and not state["fc1.weight"].is_contiguous()
    same = Network(filters=(4, 8, 16), units=16)
    same.load_state_dict(state)
    expected["variants"] = rounded(logits(same)[:10])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    checkpoint = {
        "epoch": 7,
        "loss": 0.25,
        "history": [0.5, None, True],
        "optimizer_state_dict": optimizer.state_dict(),
        "model_state_dict": state,
    }
    torch.save(checkpoint, os.path.join(folder, "variants.pth"), pickle_protocol=4)
    halves = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    save_file(halves, os.path.join(folder, "half.safetensors"))
    same.load_state_dict(halves)
    expected["half"] = rounded(logits(same)[:10])
    with open(os.path.join(folder, "logits.json"), "w") as file:
        file.write(json.dumps(expected).replace("], [", "],\n[") + "\n")


def save(folder):
    torch.manual_seed(2)
    network = trained(Network(), steps=15)
    torch.save(network.state_dict(), os.path.join(folder, "tutorial.pth"))
    torch.save(network, os.path.join(folder, "module.pth"))
    save_file(network.state_dict(), os.path.join(folder, "tutorial.safetensors"))
    print(json.dumps(logits(network).tolist()))


def load(path):
    network = Network()
    network.load_state_dict(load_file(path))
    print(json.dumps(logits(network).tolist()))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    {"fixtures": write_fixtures, "save": save, "load": load}[command](*arguments)
