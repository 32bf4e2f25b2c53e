"""PyTorch at its best for many small networks: all seeds in one `baddbmm`, the step compiled.

Weights are [seed, in, out]; both players' gradients and Adam are one `torch.compile`d function, and
the draws are PyTorch's own, outside of it, where they are quicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import leaky_relu, relu, softplus

from contestants.protocol import serve
from contestants.torch_eager import draw_real
from contestants.works import BETA2, EPSILON, LEAKY_SLOPE, Layers, Work, initial_layers

BATCH_NORM_EPSILON = 1e-5
Tensors = list[torch.Tensor]
Moments = tuple[Tensors, Tensors]


def forward(work: Work, weights: Tensors, x: torch.Tensor, generator: bool) -> torch.Tensor:
    """A player's outputs [seed, n, out] of x [seed, n, in].

    `weights` are kernel and bias a layer, then scale and shift of the batch norm if there is one.
    """
    normalized = generator and work.normalized
    layers = weights[:-2] if normalized else weights
    for place in range(0, len(layers), 2):
        if place:
            x = leaky_relu(x, LEAKY_SLOPE) if work.leaky else relu(x)
        if normalized and place == len(layers) - 2:
            variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
            x = (x - mean) * torch.rsqrt(variance + BATCH_NORM_EPSILON)
            x = x * weights[-2] + weights[-1]
        x = torch.baddbmm(layers[place + 1], x, layers[place])
    return torch.tanh(x) if generator and work.tanh else x


def adam(
    work: Work,
    weights: Tensors,
    gradients: Tensors,
    moments: Moments,
    t: torch.Tensor,
) -> tuple[Tensors, Moments]:
    """Adam's t-th update of tensors, t counting from 1."""
    rate, beta1 = work.learning_rate, work.beta1
    m = [beta1 * old + (1 - beta1) * g for old, g in zip(moments[0], gradients, strict=True)]
    v = [BETA2 * old + (1 - BETA2) * g * g for old, g in zip(moments[1], gradients, strict=True)]
    of_m, of_v = 1 - beta1**t, 1 - BETA2**t
    new = [
        w - rate * (a / of_m) / (torch.sqrt(b / of_v) + EPSILON)
        for w, a, b in zip(weights, m, v, strict=True)
    ]
    return new, (m, v)


def train_step(
    work: Work,
    g: Tensors,
    d: Tensors,
    g_moments: Moments,
    d_moments: Moments,
    t: torch.Tensor,
    z_discriminator: torch.Tensor,
    x_real: torch.Tensor,
    z_generator: torch.Tensor,
) -> tuple[Any, ...]:
    """One alternating step of all seeds; a sum over seeds keeps each one's gradients its own."""
    n = x_real.shape[1]

    def discriminator_loss(weights: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.cat([x_real, x_fake], 1)
        logits = forward(work, weights, x, generator=False)[..., 0]
        losses = softplus(-logits[:, :n]).mean(1) + softplus(logits[:, n:]).mean(1)
        return losses.sum(), losses.mean()

    def generator_loss(weights: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
        x = forward(work, weights, z_generator, generator=True)
        losses = softplus(-forward(work, d, x, generator=False)[..., 0]).mean(1)
        return losses.sum(), losses.mean()

    x_fake = forward(work, g, z_discriminator, generator=True)
    gradients, d_loss = torch.func.grad(discriminator_loss, has_aux=True)(d)
    d, d_moments = adam(work, d, gradients, d_moments, t)
    gradients, g_loss = torch.func.grad(generator_loss, has_aux=True)(g)
    g, g_moments = adam(work, g, gradients, g_moments, t)
    return g, d, g_moments, d_moments, d_loss, g_loss


class TorchBatched:
    """All seeds at once; the option "compile" turns `torch.compile` off, for tests."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        torch.manual_seed(0)
        random = np.random.default_rng(0)
        self.work, self.seeds = work, seeds
        self._begin(
            [initial_layers(work.generator_widths, random) for _ in range(seeds)],
            [initial_layers(work.discriminator_widths, random) for _ in range(seeds)],
        )
        self.pool = None
        if rows is not None:
            self.pool = torch.from_numpy(np.load(rows).reshape(-1, work.sample_size))
        compiled = options.get("compile", True)
        self.train_step = torch.compile(train_step, dynamic=False) if compiled else train_step
        self.versions = {"torch": torch.__version__}
        self.note = "all seeds in one baddbmm" + (", torch.compile" if compiled else "")

    def _begin(self, generators: list[Layers], discriminators: list[Layers]) -> None:
        def stacked(seeds: list[Layers]) -> Tensors:
            tensors = []
            for number in range(len(seeds[0])):
                kernels = np.stack([layers[number][0] for layers in seeds])
                biases = np.stack([layers[number][1] for layers in seeds])
                # torch.tensor copies: of another stride the second step would compile anew.
                tensors += [torch.tensor(kernels), torch.tensor(biases).unsqueeze(1)]
            return tensors

        self.g, self.d = stacked(generators), stacked(discriminators)
        if self.work.normalized:
            shape = (self.seeds, 1, self.work.generator_widths[-2])
            self.g += [torch.ones(shape), torch.zeros(shape)]
        self.g_moments, self.d_moments = _no_moments(self.g), _no_moments(self.d)
        self.taken = 0

    @torch.no_grad()
    def _step(self, *batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.taken += 1
        t = torch.tensor(float(self.taken))  # a tensor: of a number each would compile anew
        moments = self.g_moments, self.d_moments
        self.g, self.d, self.g_moments, self.d_moments, d_loss, g_loss = self.train_step(
            self.work, self.g, self.d, *moments, t, *batch
        )
        return d_loss, g_loss

    def run(self, steps: int) -> dict[str, float]:
        work, seeds, losses = self.work, self.seeds, (torch.zeros(()), torch.zeros(()))
        for _ in range(steps):
            losses = self._step(
                torch.randn(seeds, work.real_samples, work.latent_dim),
                draw_real(work, self.pool, (seeds, work.real_samples)),
                torch.randn(seeds, work.batch_size, work.latent_dim),
            )
        return {"discriminator_loss": losses[0].item(), "generator_loss": losses[1].item()}

    def load(self, generator: Layers, discriminator: Layers) -> None:
        self._begin([generator] * self.seeds, [discriminator] * self.seeds)

    def step_on(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        names = ("z_discriminator", "x_real", "z_generator")
        for_all = (torch.tensor(batch[name]).expand(self.seeds, -1, -1) for name in names)
        losses = self._step(*for_all)
        return {"discriminator_loss": losses[0].item(), "generator_loss": losses[1].item()}

    def layers(self) -> tuple[Layers, Layers]:
        def of(tensors: Tensors, count: int) -> Layers:
            arrays = [x[-1].numpy() for x in tensors]
            return [(arrays[2 * i], arrays[2 * i + 1][0]) for i in range(count)]

        counts = len(self.work.generator_widths) - 1, len(self.work.discriminator_widths) - 1
        return of(self.g, counts[0]), of(self.d, counts[1])


def _no_moments(weights: Tensors) -> Moments:
    return [torch.zeros_like(x) for x in weights], [torch.zeros_like(x) for x in weights]


if __name__ == "__main__":
    serve(TorchBatched)
