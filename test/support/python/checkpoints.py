"""Writes files of weights as people have them, with PyTorch itself.

    python test/support/python/checkpoints.py FOLDER     # writes the files; prints logits and accuracy, as JSON

The networks are narrow ones of tutorial_weights.py, `first` and `second`. Needs torch and numpy.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import pickle
import sys

import numpy
import torch
from torch import nn
from torch.optim import swa_utils
from tutorial_weights import Network, images, logits, read, trained


class Settings(dict):
    """A dictionary of a class that no reader knows."""


class Moved(nn.Module):
    def __init__(self, network):
        super().__init__()
        self._orig_mod = network


def network(seed):
    torch.manual_seed(seed)
    return trained(Network(filters=(4, 8, 16), units=16), steps=20)


def trained_on_unit_pixels(folder):
    """Learns the 100 images with pixels in [0, 1], as after ToTensor() alone, and returns its accuracy on them."""
    torch.manual_seed(5)
    model = Network(filters=(4, 8, 16), units=16)
    pixels, labels = images() * 0.5 + 0.5, read("test-labels.idx", 8).long()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        nn.functional.cross_entropy(model(pixels), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.save(model.state_dict(), os.path.join(folder, "unit-pixels.pth"))
    with torch.no_grad():
        return (model.eval()(pixels).argmax(1) == labels).float().mean().item()


def checkpoints(first, second):
    state = first.state_dict()
    optimizer = torch.optim.Adam(first.parameters(), lr=0.001)
    first(torch.zeros(1, 1, 28, 28)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    state = {name: value.clone() for name, value in state.items()}
    marked = {name: value.clone() for name, value in state.items()}
    for value in marked.values():
        value.note = "an attribute makes torch.save call _rebuild_from_type_v2"
    return {
        "tensors-beside": {
            "rng_state": torch.get_rng_state(),
            "loss": torch.tensor(0.25),
            "model_state_dict": state,
        },
        "integers": {"state_dict": state, "seed": 2**63 + 5, "small": -(2**70), "step": 2**40},
        "numpy": {"state_dict": state, "best": numpy.float64(0.9), "all": numpy.array([1.0, 2.0])},
        "namespace": {
            "model": state,
            "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("/tmp/x")),
        },
        "collections": {
            "net": state,
            "history": collections.defaultdict(list, {"loss": [0.5, 0.25]}),
            "counts": collections.Counter("aab"),
            "tags": {"a", "b"},
            "frozen": frozenset([1, 2]),
            "size": torch.Size([1, 28, 28]),
            "device": torch.device("cpu"),
            "dtype": torch.float32,
            "when": datetime.datetime(2026, 11, 26),
            "bytes": b"12345",
            "complex": 1 + 2j,
            ("a", 1): "a tuple as a key",
        },
        "optimizer": {
            "epoch": 3,
            "optimizer": optimizer.state_dict(),
            "model": state,
        },
        "deep": {"trainer": {"ema": {"weights": state}}, "epoch": 1},
        "beside-weights": {**state, "epoch": 3, "loss": 0.25},
        "swa": swa_utils.AveragedModel(first).state_dict(),
        "parallel": nn.DataParallel(first).state_dict(),
        "compiled": Moved(first).state_dict(),
        "parameters": dict(first.named_parameters()),
        "attributes": marked,
        "class": Settings(state_dict=state, lr=0.1),
        "model-and-ema": {"model": state, "ema": second.state_dict()},
        "two-networks": {"student": state, "teacher": second.state_dict()},
        "module": first,
        "module-under-key": {"net": first, "epoch": 2},
    }


def main(folder):
    first, second = network(3), network(4)
    for name, value in checkpoints(first, second).items():
        torch.save(value, os.path.join(folder, f"{name}.pth"))
        old = {"_use_new_zipfile_serialization": False}
        torch.save(value, os.path.join(folder, f"{name}-legacy.pth"), **old)
        torch.save(value, os.path.join(folder, f"{name}-protocol-4.pth"), pickle_protocol=4)
    with open(os.path.join(folder, "pickled.pth"), "wb") as file:
        pickle.dump({name: value.numpy() for name, value in first.state_dict().items()}, file)
    numpy.savez(os.path.join(folder, "arrays.npz"), a=numpy.zeros(3))
    expected = {"first": logits(first)[:10].tolist(), "second": logits(second)[:10].tolist()}
    print(json.dumps({"logits": expected, "accuracy": trained_on_unit_pixels(folder)}))


if __name__ == "__main__":
    main(sys.argv[1])
