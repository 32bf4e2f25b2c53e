"""How many operations a training step needs and how many bytes it moves, counted by hand.

What is measured is set against these, so they count what the algorithm asks for and nothing that a
program happens to do: a share of 70 % of the ceiling means that 70 % of the time the machine could
not have been quicker, however the rest was spent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from contestants.works import Work

BYTES = 4  # of a float32


class Layer(NamedTuple):
    """One layer: multiply-adds for a sample, numbers it puts out for one, and its parameters."""

    products: int
    outputs: int
    parameters: int


def dense_layers(widths: Sequence[int]) -> list[Layer]:
    """Affine maps from each width to the next."""
    return [Layer(m * n, n, m * n + n) for m, n in pairwise(widths)]


def dcgan_layers(
    latent_dim: int = 100,
    generator: Sequence[int] = (64, 32),
    discriminator: Sequence[int] = (32, 64),
    shape: tuple[int, int, int] = (28, 28, 1),
) -> tuple[list[Layer], list[Layer]]:
    """The generator's and the discriminator's layers, kernels 4 x 4 at stride 2, as DCGAN's.

    Every pixel of the smaller image meets 16 pixels of the larger, whichever way. Batch norms move
    few numbers and are left out.
    """
    height, width, channels = shape
    halvings = len(generator)
    pixels = height * width // 4**halvings
    g = dense_layers((latent_dim, pixels * generator[0]))
    for inputs, outputs in zip(generator, (*generator[1:], channels), strict=True):
        products, parameters = pixels * 16 * inputs * outputs, 16 * inputs * outputs + outputs
        pixels *= 4
        g.append(Layer(products, pixels * outputs, parameters))
    d, pixels = [], height * width
    for inputs, outputs in zip((channels, *discriminator[:-1]), discriminator, strict=True):
        pixels //= 4
        parameters = 16 * inputs * outputs + outputs
        d.append(Layer(pixels * 16 * inputs * outputs, pixels * outputs, parameters))
    return g, d + dense_layers((pixels * discriminator[-1], 1))


def pass_operations(layers: Sequence[Layer], samples: int) -> int:
    """Floating-point operations of the products of one pass: 2 a multiply-add."""
    return 2 * samples * sum(layer.products for layer in layers)


def step_operations(
    generator: Sequence[Layer], discriminator: Sequence[Layer], real_samples: int, batch_size: int
) -> int:
    """Floating-point operations of the matrix products in one training step of one seed.

    Only what the step needs. A pass back costs a forward pass for the weights' gradients and
    another for the inputs', which the first layer needs only where gradients go on through it:

        discriminator: G forward on n; D forward, weights, inputs but the first, on 2n
        generator:     G forward, weights, inputs but the first; D forward and inputs, on b

    with n = `real_samples` and b = `batch_size`. No weights' gradients of D in the second line.
    """
    g, d, n, b = generator, discriminator, real_samples, batch_size
    of_discriminator = (
        pass_operations(g, n) + 3 * pass_operations(d, 2 * n) - pass_operations(d[:1], 2 * n)
    )
    of_generator = 3 * pass_operations(g, b) - pass_operations(g[:1], b) + 2 * pass_operations(d, b)
    return of_discriminator + of_generator


def step_bytes(
    generator: Sequence[Layer], discriminator: Sequence[Layer], real_samples: int, batch_size: int
) -> int:
    """Bytes that one training step of one seed moves, where each layer is a kernel of its own.

    Of every parameter the weight and Adam's two moments, read and written. Of every layer's output
    a write and a read in the forward pass, and as many of its gradient in the pass back, with the
    output read once more. A program that keeps a layer's output on the chip moves less.
    """
    g_outputs = sum(layer.outputs for layer in generator)
    d_outputs = sum(layer.outputs for layer in discriminator)
    parameters = sum(layer.parameters for layer in (*generator, *discriminator))
    forward, with_back = 2, 5
    moved = forward * g_outputs * real_samples + with_back * d_outputs * 2 * real_samples
    moved += with_back * (g_outputs + d_outputs) * batch_size
    return BYTES * (6 * parameters + moved)


def work_players(work: Work) -> tuple[list[Layer], list[Layer]]:
    """A work's two players, layer by layer."""
    return dense_layers(work.generator_widths), dense_layers(work.discriminator_widths)


def work_operations(work: Work) -> int:
    """`step_operations` of a work."""
    return step_operations(*work_players(work), work.real_samples, work.batch_size)


def floor_seconds(
    operations: float, moved: float, operations_per_second: float, bytes_per_second: float
) -> float:
    """The least time so many operations and bytes take: the longer of the two, being overlapped."""
    return max(operations / operations_per_second, moved / bytes_per_second)


def share(part: float, whole: float) -> float:
    """part / whole; NaN where there is no whole."""
    return part / whole if whole else math.nan
