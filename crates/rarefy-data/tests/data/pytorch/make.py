"""Makes the PyTorch files of this folder, by torch 1.12.1+cu102 (CPU): python make.py

Every value is a small whole number or a half, so that the tests can state it; the expected values are in
../../pytorch_fixtures.rs.
"""

import collections
import os
import zipfile

import torch

here = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(here, name)


def count(*shape, dtype=torch.float32):
    """0, 1, 2, … in this shape."""
    size = 1
    for side in shape:
        size *= side
    return torch.arange(size).reshape(*shape).to(dtype)


dtypes = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "i16": torch.int16,
    "i8": torch.int8,
    "u8": torch.uint8,
}
types = collections.OrderedDict((name, count(2, 3, dtype=dtype) - (0 if name == "u8" else 2)) for name, dtype in dtypes.items())
types["bool"] = torch.tensor([True, False, True])
types["scalar"] = torch.tensor(2.5)
types["empty"] = torch.zeros(0, 3)

base = count(4, 6)
views = {
    "base": base,
    "transposed": base.t(),
    "column": base[:, 2],
    "block": base[1:3, 2:6:2],
    "expanded": torch.tensor([[7.0], [8.0]]).expand(2, 3),
    "parameter": torch.nn.Parameter(count(2, 2) + 0.5),
    "size": torch.Size([2, 3]),
}

torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
with torch.no_grad():
    network[0].weight.copy_(count(2, 2))
    network[0].bias.copy_(torch.tensor([0.5, -0.5]))
optimiser = torch.optim.Adam(network.parameters(), lr=0.25)
network(torch.ones(4, 2)).sum().backward()
optimiser.step()
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.5, total_steps=10)
with torch.no_grad():
    network[0].weight.copy_(count(2, 2))
    network[0].bias.copy_(torch.tensor([0.5, -0.5]))
weights = collections.OrderedDict(("module." + name, value) for name, value in network.state_dict().items())
training = {
    "model": weights,
    "model_again": weights,
    "optimizer": optimiser.state_dict(),
    "scheduler": schedule.state_dict(),
    "epoch": 7,
    "best": {"miou": 0.625, "note": "zwölf", "history": collections.defaultdict(list, {"loss": [3.0, 2.0]})},
}

for name, value in [("types", types), ("views", views), ("training", training)]:
    torch.save(value, path(name + ".pt"))
    torch.save(value, path(name + "_legacy.pt"), _use_new_zipfile_serialization=False)

# The same entries, deflated, as some tools leave them.
with zipfile.ZipFile(path("types.pt")) as whole, zipfile.ZipFile(path("types_deflated.pt"), "w") as packed:
    for entry in whole.infolist():
        packed.writestr(zipfile.ZipInfo(entry.filename), whole.read(entry), compress_type=zipfile.ZIP_DEFLATED)
