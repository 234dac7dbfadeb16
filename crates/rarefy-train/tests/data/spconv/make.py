"""Makes the files beside it: a small network under the names of Pointcept's SpUNet, run by spconv's own CPU layers.

    python -m venv /tmp/spconv && /tmp/spconv/bin/pip install torch "numpy<2" spconv
    OMP_NUM_THREADS=1 /tmp/spconv/bin/python crates/rarefy-train/tests/data/spconv/make.py

Made with torch 1.12.1 and spconv 2.3.8, whose CPU build gives wrong sums with more than one thread.

spunet.pth   checkpoint: epoch, state_dict (names behind `module.backbone.`), states of the optimiser, a best figure
spunet.npz   coords [voxels, 4] (sample, x, y, z; some negative), feats [voxels, 4];
             scores [voxels, 19] of the cloud as it is, scores_zyx of the cloud whose coordinates are handed over as z, y, x
"""

import os
from collections import OrderedDict

import numpy as np
import spconv.pytorch as spconv
import torch
from torch import nn

STEM, DOWN, UP = 2, [2, 4, 8, 16], [16, 8, 6, 6]
DOWN_BLOCKS, UP_BLOCKS = [1, 2, 1, 1], [1, 1, 2, 1]
FEATURES, CLASSES = 4, 19
# Multiples of 16: four halvings lose no voxel, and cells stay in the blocks in which they are.
SHIFT, SIDE = 32, 64


def norm(channels):
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)


def on_rows(x, function):
    return x.replace_feature(function(x.features))


def through(layers, x):
    """Sparse layers see the tensor, the others its rows."""
    for layer in layers:
        x = layer(x) if spconv.modules.is_spconv_module(layer) else on_rows(x, layer)
    return x


def submanifold(inputs, outputs, size, key):
    return spconv.SubMConv3d(inputs, outputs, size, bias=False, indice_key=f"{key}-{size}")


class Block(spconv.SparseModule):
    def __init__(self, inputs, outputs, level):
        super().__init__()
        self.conv1, self.bn1 = submanifold(inputs, outputs, 3, level), norm(outputs)
        self.conv2, self.bn2 = submanifold(outputs, outputs, 3, level), norm(outputs)
        past = [nn.Identity()] if inputs == outputs else [submanifold(inputs, outputs, 1, level), norm(outputs)]
        self.proj = nn.ModuleList(past)

    def forward(self, x):
        y = through([self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2], x)
        past = through(self.proj, x).features
        return on_rows(y, lambda rows: torch.relu(rows + past))


def stage(count, inputs, outputs, level):
    named = [(f"block{i}", Block(outputs if i else inputs, outputs, level)) for i in range(count)]
    return nn.Sequential(OrderedDict(named))


class Network(nn.Module):
    """Lists of stages count from the finest grid; the way up runs through them backwards."""

    def __init__(self):
        super().__init__()
        self.conv_input = nn.ModuleList([submanifold(FEATURES, STEM, 5, "stem"), norm(STEM), nn.ReLU()])
        self.down, self.up, self.enc, self.dec = (nn.ModuleList() for _ in range(4))
        finer = [STEM, *DOWN]
        for level, channels in enumerate(DOWN):
            halve = spconv.SparseConv3d(finer[level], channels, 2, 2, bias=False, indice_key=f"halve{level}")
            self.down.append(nn.ModuleList([halve, norm(channels), nn.ReLU()]))
            self.enc.append(stage(DOWN_BLOCKS[level], channels, channels, level + 1))
            coarse, fine = [DOWN[-1], *UP][3 - level], UP[3 - level]
            double = spconv.SparseInverseConv3d(coarse, fine, 2, bias=False, indice_key=f"halve{level}")
            self.up.append(nn.ModuleList([double, norm(fine), nn.ReLU()]))
            self.dec.append(stage(UP_BLOCKS[3 - level], fine + finer[level], fine, level))
        self.final = spconv.SubMConv3d(UP[-1], CLASSES, 1, bias=True, indice_key="0-1")

    def forward(self, x):
        x = through(self.conv_input, x)
        passed = []
        for down, blocks in zip(self.down, self.enc):
            passed.append(x)
            x = through(blocks, through(down, x))
        for up, blocks, beside in zip(self.up[::-1], self.dec[::-1], passed[::-1]):
            x = on_rows(through(up, x), lambda rows: torch.cat([rows, beside.features], 1))
            x = through(blocks, x)
        return self.final(x).features


def cloud(random):
    """Two samples of bent sheets, [voxels, 4] of sample and cell, each cell once."""
    sheets = []
    for sample, count in enumerate([420, 260]):
        xy = random.uniform(-13, 13, (count, 2))
        bend, tilt = random.uniform(0.2, 0.4), random.uniform(-0.6, 0.6)
        z = 4 * np.sin(bend * xy[:, :1]) + tilt * xy[:, 1:] + random.normal(0, 0.4, (count, 1))
        cells = np.unique(np.floor(np.concatenate([xy, z], 1)), axis=0)
        sheets.append(np.concatenate([np.full((len(cells), 1), sample), cells], 1))
    return np.concatenate(sheets).astype(np.int32)


def run(network, coords, features):
    shifted = torch.from_numpy(coords + np.array([0, SHIFT, SHIFT, SHIFT], np.int32))
    tensor = spconv.SparseConvTensor(torch.from_numpy(features), shifted, [SIDE] * 3, int(coords[:, 0].max()) + 1)
    return network(tensor)


def fill_norms(network, coords, features):
    """Running statistics near those of the cloud, and scales and shifts that are not 1 and 0."""
    nn.init.normal_(network.final.bias)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    for module in norms:
        module.momentum = 1.0
        nn.init.uniform_(module.weight, 0.5, 1.5)
        nn.init.normal_(module.bias, 0.0, 0.3)
    run(network.train(), coords, features)
    for module in norms:
        module.momentum = 0.01
        module.running_mean += 0.1 * torch.randn_like(module.running_mean) * module.running_var.sqrt()
        module.running_var *= 0.8 + 0.4 * torch.rand_like(module.running_var)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    torch.manual_seed(5)
    random = np.random.default_rng(5)
    coords = cloud(random)
    features = random.normal(0, 1, (len(coords), FEATURES)).astype(np.float32)
    network = Network()
    with torch.no_grad():
        fill_norms(network, coords, features)
        network.eval()
        scores = run(network, coords, features).numpy()
        turned = run(network, np.ascontiguousarray(coords[:, [0, 3, 2, 1]]), features).numpy()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    checkpoint = {
        "epoch": 800,
        "state_dict": OrderedDict((f"module.backbone.{name}", value) for name, value in network.state_dict().items()),
        "optimizer": optimizer.state_dict(),
        "scheduler": {"last_epoch": 100, "_last_lr": [0.05]},
        "scaler": None,
        "best_metric_value": 0.5,
    }
    torch.save(checkpoint, os.path.join(here, "spunet.pth"))
    arrays = {"coords": coords, "feats": features, "scores": scores, "scores_zyx": turned}
    np.savez_compressed(os.path.join(here, "spunet.npz"), **arrays)
    for name, values in arrays.items():
        print(name, values.shape, f"largest {np.abs(values).max():.3f}")
    print("scores differ by", np.abs(scores - turned).max(), "when axes are turned")


if __name__ == "__main__":
    assert torch.get_num_threads() == 1, "set OMP_NUM_THREADS=1"
    main()
