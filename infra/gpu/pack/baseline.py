"""Measures PyTorch on the same GPU and network: eager, and compiled with CUDA graphs. Images and labels are on the GPU, as with webgpu."""
import time
import torch
import torch.nn as nn
import torch.nn.functional as F


def network():
    layers = []
    for channels, filters in ((1, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(1152, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*layers).cuda()


def stepper(images, labels, capturable=False, compiled=False):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), fused=True, capturable=capturable)
    forward = torch.compile(model, mode="max-autotune-no-cudagraphs") if compiled else model

    def step(index):
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(forward(images[index]), labels[index]).backward()
        optimizer.step()

    return step


def graphed(step, index):
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):
            step(index)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(index)
    return graph.replay


def measure(name, batch, run, steps=300):
    for _ in range(10):
        run()
    torch.cuda.synchronize()
    start = time.time()
    for _ in range(steps):
        run()
    torch.cuda.synchronize()
    seconds = (time.time() - start) / steps
    print(f"      PyTorch {name} with batches of {batch}: {batch / seconds:.0f} images/s", flush=True)


print("     ", torch.cuda.get_device_name(), "PyTorch", torch.__version__)
images = torch.rand(60000, 1, 28, 28, device="cuda")
labels = torch.randint(10, (60000,), device="cuda")
for batch in (64, 512, 4096):
    draw = lambda: torch.randint(60000, (batch,), device="cuda")
    eager = stepper(images, labels)
    measure("eager", batch, lambda: eager(draw()))
    measure("with CUDA graphs", batch, graphed(stepper(images, labels, capturable=True), draw()))
batch = 64
index = torch.randint(60000, (batch,), device="cuda")
measure("compiled, with CUDA graphs", batch, graphed(stepper(images, labels, True, True), index))
