"""MinkUNet built of spconv's CPU layers, timed on the scenes of `networks.rs`: what Rarefy's figures stand beside.

    python -m venv /tmp/spconv && /tmp/spconv/bin/pip install torch "numpy<2" spconv
    /tmp/spconv/bin/python crates/rarefy-models/benches/spconv_minkunet.py REALDATA

Whole scans, evaluated without gradients and in a training step (forward and backward of the mean of the scores); indices
and maps are built anew in every pass. Prints the least of three passes. spconv's CPU build refuses a bias in evaluation, so
that convolutions have none; it asks for a CUDA stream in the backward pass, which it does not use there, and is given a
number; and it gives wrong sums with more than one thread (OMP_NUM_THREADS), so that two stand for their time alone.
"""

import os
import sys
import time

import numpy as np
import torch
from torch import nn

import spconv.pytorch as spconv
from spconv.pytorch import ops

ops.get_current_stream = lambda: 0

WIDTHS = [32, 32, 64, 128, 256, 256, 128, 96, 96]


def with_features(tensor, features):
    return tensor.replace_feature(features)


class Normed(nn.Module):
    """Batch norm and, if asked, ReLU over the rows of a sparse tensor."""

    def __init__(self, channels, relu):
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.relu = relu

    def forward(self, x):
        y = self.norm(x.features)
        return with_features(x, torch.relu_(y) if self.relu else y)


def submanifold(inputs, outputs, size, level, relu=True):
    conv = spconv.SubMConv3d(inputs, outputs, size, bias=False, indice_key=f"subm{size}-{level}")
    return nn.ModuleList([conv, Normed(outputs, relu)])


def run(layers, x):
    for layer in layers:
        x = layer(x)
    return x


class Residual(nn.Module):
    def __init__(self, inputs, outputs, level):
        super().__init__()
        self.first = submanifold(inputs, outputs, 3, level)
        self.second = submanifold(outputs, outputs, 3, level, relu=False)
        self.shortcut = nn.ModuleList()
        if inputs != outputs:
            self.shortcut = submanifold(inputs, outputs, 1, level, relu=False)

    def forward(self, x):
        y = run(self.second, run(self.first, x))
        return with_features(y, torch.relu_(y.features + run(self.shortcut, x).features))


class MinkUNet(nn.Module):
    """The network of the SPVNAS model zoo (Tang et al. 2020), with strided convolutions of kernel 2 and their inverses."""

    def __init__(self, width, features=4, classes=19):
        super().__init__()
        cs = [int(width * channels) for channels in WIDTHS]
        self.stem = nn.ModuleList([submanifold(features, cs[0], 3, 0), submanifold(cs[0], cs[0], 3, 0)])
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for stage in range(4):
            halve = spconv.SparseConv3d(cs[stage], cs[stage], 2, 2, bias=False, indice_key=f"halve{stage}")
            blocks = [Residual(cs[stage], cs[stage + 1], stage + 1), Residual(cs[stage + 1], cs[stage + 1], stage + 1)]
            self.down.append(nn.ModuleList([halve, Normed(cs[stage], True), *blocks]))
        for stage in range(4):
            level, out = 3 - stage, cs[5 + stage]
            double = spconv.SparseInverseConv3d(cs[4 + stage], out, 2, bias=False, indice_key=f"halve{level}")
            blocks = [Residual(out + cs[level], out, level), Residual(out, out, level)]
            self.up.append(nn.ModuleList([double, Normed(out, True), *blocks]))
        self.classifier = nn.Linear(cs[8], classes)

    def forward(self, x):
        for layers in self.stem:
            x = run(layers, x)
        skips = []
        for stage in self.down:
            skips.append(x)
            x = run(stage, x)
        for double, norm, first, second in self.up:
            x = norm(double(x))
            x = with_features(x, torch.cat([x.features, skips.pop().features], 1))
            x = second(first(x))
        return self.classifier(x.features)


def scene(rows, cells):
    """One voxel for each cell, with the place and intensity of its first point."""
    cells, first = np.unique(cells, axis=0, return_index=True)
    features = np.full((len(first), 4), 0.5, np.float32)
    features[:, : rows.shape[1]] = rows[first, :4]
    return cells - cells.min(0), features


def scenes(data):
    rows = np.load(os.path.join(data, "lidar_unlabelled/benchmark_pc.npy"))
    yield "benchmark_pc, 0.1 m", *scene(rows, np.floor(rows[:, :3] / np.float32(0.1)).astype(np.int32))
    rows = np.fromfile(os.path.join(data, "semantickitti/sequences/07/velodyne/000964.bin"), np.float32).reshape(-1, 4)
    yield "07/000964, 0.05 m", *scene(rows, np.round(rows[:, :3] / np.float32(0.05)).astype(np.int32))


def milliseconds(network, cells, features):
    indices = torch.from_numpy(np.concatenate([np.zeros((len(cells), 1), np.int32), cells], 1).astype(np.int32))
    # A multiple of 16, so that four halvings lose no voxel.
    shape = [int(-(-(size + 1) // 16) * 16) for size in cells.max(0)]
    start = time.perf_counter()
    scores = network(spconv.SparseConvTensor(torch.from_numpy(features), indices, shape, 1))
    if network.training:
        scores.mean().backward()
    return (time.perf_counter() - start) * 1e3


def main():
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    print("width  scene                  voxels  threads  parameters  pass              ms")
    for name, cells, features in scenes(sys.argv[1]):
        for width in [0.5, 1.0]:
            network = MinkUNet(width)
            parameters = sum(values.numel() for values in network.parameters())
            for training in [False, True]:
                network.train(training)
                with torch.set_grad_enabled(training):
                    least = min(milliseconds(network, cells, features) for _ in range(3))
                row = f"{width:5}  {name:20} {len(cells):8} {torch.get_num_threads():8} {parameters:11}"
                print(f"{row}  {'training' if training else 'evaluation':10}  {least:8.0f}", flush=True)


if __name__ == "__main__":
    main()
