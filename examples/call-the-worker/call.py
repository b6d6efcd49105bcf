"""Calls a Worker with Python's standard library."""

import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

url = os.environ.get("CATWALK_URL", "http://localhost:8787")
token = os.environ.get("CATWALK_TOKEN")


def call(path, body=None, content_type=None):
    """Returns the body of the answer. A problem ends the program with its code and detail."""
    request = Request(f"{url}{path}", data=body)
    if content_type:
        request.add_header("Content-Type", content_type)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request) as response:
            return response.read()
    except HTTPError as error:
        problem = json.load(error)
        sys.exit(f"{problem['code']}: {problem['detail']}")


answer = json.loads(call("/predict?index=0"))
print(f"Test image 0: predicted {answer['predicted']['label']}, actual {answer['actual']['label']}")

image = call("/images/0.png")
predicted = json.loads(call("/predict", image, "image/png"))["predicted"]
print(f"Uploaded: {predicted['label']}, {100 * predicted['probability']:.2f} %")
