"""How far generated images are from real ones, in the features and classes of a trained classifier.

Pixels measure brightness; a classifier's last hidden layer measures what an image shows. Values can
be compared only where they come from one classifier, and are not those of Inception features.
Pure functions: they run inside a compiled training, one seed or many.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import rel_entr

from gan_jax.analysis.classifier import CLASSES, Parameters, features_and_logits
from gan_jax.decompositions import one_at_a_time

# Real samples that the kernel distance compares with; its cost grows with their number.
KERNEL_SAMPLES = 1_000
ROWS = 256  # rows of a kernel matrix in work at once
# A class counts as covered from this share of its fair number of samples on.
COVERED_FROM = 0.1
# On a GPU, the default product of matrices keeps 10 bits: too few for differences of near equals.
HIGHEST = lax.Precision.HIGHEST


class Moments(NamedTuple):
    """A Gaussian: its mean [feature] and the covariance's symmetric root [feature, feature]."""

    mean: jax.Array
    root: jax.Array


class ImageReference(NamedTuple):
    """What is kept of real images to compare generated ones with.

    Attributes:
      moments: mean and covariance root of the features.
      features: of at most KERNEL_SAMPLES images, evenly spaced [n, feature].
      shares: each class's share of all channels [CLASSES], above zero.
    """

    moments: Moments
    features: jax.Array
    shares: jax.Array


def look_at(parameters: Parameters, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Features [n, c 64] and classes [n, c] of images [n, 28, 28, c], each channel on its own.

    Stacked digits have three channels, a digit each (Metz et al. 2017, "Unrolled GANs").
    """
    n, height, width, channels = x.shape
    digits = x.transpose(0, 3, 1, 2).reshape(n * channels, height, width, 1)
    seen, told = features_and_logits(parameters, digits)
    return seen.reshape(n, -1), told.argmax(axis=1).reshape(n, channels)


def image_reference(parameters: Parameters, x_real: jax.Array) -> ImageReference:
    """Prepare what `image_measures` compares with, from real images [n, 28, 28, c] in [-1, 1]."""
    seen, classes = look_at(parameters, x_real)
    # A class that no real image has counts as half of one: its divergence is then large, not
    # infinite.
    shares = jnp.maximum(counts_of(classes.reshape(-1, 1)), 0.5) / classes.size
    # Not the first ones: MNIST's first 5,000 test images are cleaner than the rest.
    spaced = seen[:: -(-seen.shape[0] // KERNEL_SAMPLES)]
    return ImageReference(moments(seen), spaced, shares)


def image_measures(
    parameters: Parameters, reference: ImageReference, x: jax.Array
) -> dict[str, jax.Array]:
    """Compare images [m, 28, 28, c] in [-1, 1] with real ones.

    `frechet_distance` and `kernel_distance`, of features; and of the classes told,
    `coverage` and `class_kl` for one channel, `modes` and `mode_kl` for stacked ones. The
    distances have a floor, what as many real images score; Frechet's falls with their number.
    """
    seen, classes = look_at(parameters, x)
    return {
        "frechet_distance": frechet_distance(reference.moments, moments(seen)),
        "kernel_distance": kernel_distance(reference.features, seen),
    } | class_measures(reference.shares, classes)


def moments(samples: jax.Array) -> Moments:
    """Mean and symmetric covariance root of samples [n, feature], by eigendecomposition."""
    mean = samples.mean(axis=0)
    centred = samples - mean[None]
    covariance = jnp.matmul(centred.T, centred, precision=HIGHEST) / (samples.shape[0] - 1)
    eigenvalues, vectors = one_at_a_time(jnp.linalg.eigh)(covariance)
    # Rounding makes an eigenvalue of zero, a feature that never fires, slightly negative.
    scaled = vectors * jnp.sqrt(jnp.maximum(eigenvalues, 0))[None]
    return Moments(mean, jnp.matmul(scaled, vectors.T, precision=HIGHEST))


def frechet_distance(one: Moments, other: Moments) -> jax.Array:
    """Frechet distance of two Gaussians, squared as is the custom, in squared feature units.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2)), with C the covariances.

    The trace of the last root is the sum of the singular values of C1^(1/2) C2^(1/2): so computed,
    nothing is squared before it is rooted, which float32 needs where features hardly vary. Of the
    classifier's features: not the Inception FID, with whose values it shares the formula alone.

    Source: Dowson and Landau 1982; Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update
    Rule", eq. 6.
    """
    product = jnp.matmul(one.root, other.root, precision=HIGHEST)
    overlap = one_at_a_time(jnp.linalg.svdvals)(product).sum()
    spread = jnp.square(one.root).sum() + jnp.square(other.root).sum() - 2 * overlap
    return jnp.square(one.mean - other.mean).sum() + jnp.maximum(spread, 0)


def kernel_distance(x: jax.Array, y: jax.Array) -> jax.Array:
    """Squared maximum mean discrepancy of samples x [n, feature] and y [m, feature], unbiased.

    mean_(i != j) k(x_i, x_j) + mean_(i != j) k(y_i, y_j) - 2 mean_(i, j) k(x_i, y_j) with the
    kernel k(a, b) = (a.b / dimension + 1)^3. Its mean is 0 for samples of one law, whatever their
    number: so it can be negative.

    Source: Binkowski et al. 2018, "Demystifying MMD GANs", sec. 4 (there of Inception features).
    """
    within = _mean_kernel(x, x, distinct=1) + _mean_kernel(y, y, distinct=1)
    return within - 2 * _mean_kernel(x, y, distinct=0)


def _mean_kernel(x: jax.Array, y: jax.Array, distinct: int) -> jax.Array:
    """Mean of k(x_i, y_j) over all pairs, or with `distinct` 1 (x is y) over those with i != j."""

    def row(at: tuple[jax.Array, jax.Array]) -> jax.Array:
        i, point = at
        products = jnp.matmul(y, point, precision=HIGHEST)
        kernel = (products / point.size + 1) ** 3
        return kernel.at[i].multiply(1 - distinct).sum() / (y.shape[0] - distinct)

    return lax.map(row, (jnp.arange(x.shape[0]), x), batch_size=ROWS).mean()


def counts_of(classes: jax.Array) -> jax.Array:
    """How often each combination of c classes occurs in classes [n, c]: [CLASSES^c]."""
    channels = classes.shape[1]
    places = CLASSES ** jnp.arange(channels - 1, -1, -1)
    numbers = (classes * places[None]).sum(axis=1)
    return jnp.zeros(CLASSES**channels).at[numbers].add(1)


def class_measures(shares: jax.Array, classes: jax.Array) -> dict[str, jax.Array]:
    """Measures of generated images' classes [m, c], given each class's share of the data [CLASSES].

    One channel: `coverage`, the share of classes that occur at least COVERED_FROM as often as
    in the data; `class_kl`, KL(generated || data) in nats, 0 to log(1 / least share).

    Stacked: a mode is a number of c digits, whose share is the product of its digits' (they are
    drawn independently). `modes`, the share of the 10^c that occur at all, so at most m / 10^c;
    `mode_kl`, KL(generated || data) in nats. Both depend on m: papers take 26,000 images
    (Srivastava et al. 2017, "VEEGAN"; Lin et al. 2018, "PacGAN") and give modes as a number.
    """
    n, channels = classes.shape
    counts = counts_of(classes)
    joint = reduce(jnp.kron, [shares] * channels)
    divergence = rel_entr(counts / n, joint).sum()
    if channels > 1:
        return {"modes": (counts > 0).mean(), "mode_kl": divergence}
    # Less a thousandth of a sample, lest rounding decide when a count is exactly the threshold.
    covered = counts >= COVERED_FROM * n * shares - 1e-3
    return {"coverage": covered.mean(), "class_kl": divergence}
