"""PyTorch as its tutorials have it: eager, two `nn.Sequential`s, one seed at a time.

Its rate is one seed's: seeds trained one after the other take no longer a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from contestants.protocol import serve
from contestants.works import (
    BETA2,
    EPSILON,
    LEAKY_SLOPE,
    RING_DEVIATION,
    Layers,
    Work,
    ring_centres,
)


def network(widths: tuple[int, ...], work: Work, generator: bool) -> nn.Sequential:
    """Dense layers, He-uniform; the generator's batch norm and tanh where the work has them."""
    modules: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layer = nn.Linear(inputs, outputs)
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        modules += [layer, nn.LeakyReLU(LEAKY_SLOPE) if work.leaky else nn.ReLU()]
    modules.pop()
    if generator and work.normalized:
        modules.insert(len(modules) - 1, nn.BatchNorm1d(widths[-2]))
    if generator and work.tanh:
        modules.append(nn.Tanh())
    return nn.Sequential(*modules)


def draw_real(work: Work, pool: torch.Tensor | None, shape: tuple[int, ...]) -> torch.Tensor:
    """Real samples [*shape, sample_size]."""
    if work.name == "parabola":
        x = torch.rand(*shape, 1) - 0.5
        return torch.cat([x, x**2], -1)
    if work.name == "ring":
        centres = torch.from_numpy(ring_centres())
        return centres[torch.randint(len(centres), shape)] + RING_DEVIATION * torch.randn(*shape, 2)
    assert pool is not None, "digits need rows"
    return pool[torch.randint(len(pool), shape)].float() / 127.5 - 1


class TorchEager:
    """One seed's training, with the fused Adam, PyTorch's quickest."""

    def __init__(
        self, work: Work, seeds: int, rows: Path | None, options: Mapping[str, Any]
    ) -> None:
        torch.manual_seed(0)
        self.work = work
        self.generator = network(work.generator_widths, work, generator=True)
        self.discriminator = network(work.discriminator_widths, work, generator=False)
        self.pool = None
        if rows is not None:
            self.pool = torch.from_numpy(np.load(rows).reshape(-1, work.sample_size))
        self._begin()
        self.versions = {"torch": torch.__version__}
        self.note = "eager, one seed at a time"

    def _begin(self) -> None:
        def adam(model: nn.Module) -> torch.optim.Optimizer:
            work = self.work
            betas = work.beta1, BETA2
            rate = work.learning_rate
            return torch.optim.Adam(model.parameters(), rate, betas, EPSILON, fused=True)

        self.generator_adam = adam(self.generator)
        self.discriminator_adam = adam(self.discriminator)

    def _step(
        self, z_discriminator: torch.Tensor, x_real: torch.Tensor, z_generator: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        cross_entropy = nn.functional.binary_cross_entropy_with_logits
        with torch.no_grad():
            x_fake = self.generator(z_discriminator)
        logits = self.discriminator(torch.cat([x_real, x_fake]))[:, 0]
        real, fake = logits[: len(x_real)], logits[len(x_real) :]
        d_loss = cross_entropy(real, torch.ones_like(real))
        d_loss = d_loss + cross_entropy(fake, torch.zeros_like(fake))
        self.discriminator_adam.zero_grad(set_to_none=True)
        d_loss.backward()
        self.discriminator_adam.step()

        # Its own gradients are not asked for, only those that pass through it.
        self.discriminator.requires_grad_(False)
        logits = self.discriminator(self.generator(z_generator))[:, 0]
        g_loss = cross_entropy(logits, torch.ones_like(logits))
        self.generator_adam.zero_grad(set_to_none=True)
        g_loss.backward()
        self.generator_adam.step()
        self.discriminator.requires_grad_(True)
        return d_loss, g_loss

    def run(self, steps: int) -> dict[str, float]:
        work, losses = self.work, (torch.zeros(()), torch.zeros(()))
        for _ in range(steps):
            losses = self._step(
                torch.randn(work.real_samples, work.latent_dim),
                draw_real(work, self.pool, (work.real_samples,)),
                torch.randn(work.batch_size, work.latent_dim),
            )
        return {"discriminator_loss": losses[0].item(), "generator_loss": losses[1].item()}

    def load(self, generator: Layers, discriminator: Layers) -> None:
        for model, layers in ((self.generator, generator), (self.discriminator, discriminator)):
            with torch.no_grad():
                for module, (kernel, bias) in zip(_linear(model), layers, strict=True):
                    module.weight.copy_(torch.tensor(kernel.T))
                    module.bias.copy_(torch.tensor(bias))
        self._begin()

    def step_on(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        names = ("z_discriminator", "x_real", "z_generator")
        losses = self._step(*(torch.tensor(batch[name]) for name in names))
        return {"discriminator_loss": losses[0].item(), "generator_loss": losses[1].item()}

    def layers(self) -> tuple[Layers, Layers]:
        def of(model: nn.Sequential) -> Layers:
            return [
                (one.weight.detach().numpy().T.copy(), one.bias.detach().numpy().copy())
                for one in _linear(model)
            ]

        return of(self.generator), of(self.discriminator)


def _linear(model: nn.Sequential) -> list[nn.Linear]:
    return [module for module in model if isinstance(module, nn.Linear)]


if __name__ == "__main__":
    serve(TorchEager)
