"""Sends requests to a Worker with Triton's own client (pip install 'tritonclient[http]'), and prints the answers.

    python3 test/support/python/triton_client.py localhost:8787 fashion-mnist-cnn
"""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, model = sys.argv[1:]
client = triton.InferenceServerClient(url=address)
metadata = client.get_model_metadata(model)
shape = metadata["inputs"][0]["shape"][1:]
pixels = np.random.default_rng(1).integers(0, 256, [3, *shape], dtype=np.uint8)


def infer(values, datatype, binary, version="", outputs=None):
    tensor = triton.InferInput("images", values.shape, datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return client.infer(model, [tensor], model_version=version, outputs=outputs, request_id="42")


def output(binary, classes=0):
    return [triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=classes)]


floats = pixels.astype(np.float32)
# Binary and JSON inputs, with binary and JSON outputs, and a version by its name.
results = [
    infer(floats, "FP32", binary=True),
    infer(floats / np.float32(255), "FP32", binary=False, outputs=output(binary=False)),
    infer(pixels, "UINT8", binary=True, outputs=output(binary=True)),
    infer(pixels[..., 0], "UINT8", binary=False, outputs=output(binary=True)),
    infer(pixels, "UINT8", binary=True, version=metadata["versions"][0]),
]
classes = [
    infer(pixels, "UINT8", binary=True, outputs=output(binary, classes=2)).as_numpy("probabilities")
    for binary in (True, False)
]
try:
    client.get_model_metadata("nobody")
    error = None
except InferenceServerException as refusal:
    error = [refusal.status(), refusal.message()]

print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "modelReady": client.is_model_ready(model),
            "noModelReady": client.is_model_ready("nobody"),
            "server": client.get_server_metadata(),
            "metadata": metadata,
            "ids": [result.get_response()["id"] for result in results],
            "pixels": pixels.reshape(3, -1).tolist(),
            "probabilities": [result.as_numpy("probabilities").tolist() for result in results],
            "classes": [[text.decode() if isinstance(text, bytes) else text for text in found.ravel()] for found in classes],
            "error": error,
        }
    )
)
