"""A stationary random process: sequences with nothing in common but their correlation in time."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.data.dataset import Dataset
from gan_jax.data.gaussian import standard_normal

# Lags 1 .. N_LAGS are compared.
N_LAGS = 8


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """The truth: x_{t+1} = rho x_t + sqrt(1 - rho^2) e_t, x_0 and all e_t standard Gaussian.

    Every x_t is then standard Gaussian, and two of them k steps apart have correlation rho^k: the
    Ornstein-Uhlenbeck process of relaxation time -1/log(rho) steps, seen at every step.

    Attributes:
      n_steps: length of a sequence.
      rho: correlation of neighbours, from 0 to below 1.
    """

    n_steps: int
    rho: float


def autocorrelation_error(truth: OrnsteinUhlenbeck, x: jax.Array) -> jax.Array:
    """Mean over lags k = 1 .. N_LAGS of |r_k - rho^k| for sequences [n, time].

    r_k is the mean of x_t x_{t+k} over sequences and times, over that of x_t^2: the process's mean,
    0, is known and not subtracted. All zeros have no correlation: r_k = 0.
    """
    lags, time_first = np.arange(1, N_LAGS + 1), x.T
    power = jnp.mean(x**2)
    products = jnp.stack([(time_first[:-lag] * time_first[lag:]).mean() for lag in lags])
    correlations = products / jnp.where(power > 0, power, 1)
    return jnp.abs(correlations - np.float32(truth.rho) ** lags.astype(np.float32)).mean()


def variance_error(x: jax.Array) -> jax.Array:
    """|mean x_t^2 - 1| over sequences [n, time]: the process has mean 0 and variance 1."""
    return jnp.abs(jnp.mean(x**2) - 1)


def ornstein_uhlenbeck_dataset(truth: OrnsteinUhlenbeck) -> Dataset:
    """Make the data set of the process's sequences [time]."""
    rho, innovation = truth.rho, np.sqrt(1 - truth.rho**2).item()

    def sample(key: jax.Array, n: int) -> jax.Array:
        def step(x: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
            x = rho * x + innovation * noise
            return x, x

        noise = standard_normal(key, (truth.n_steps, n))
        _, later = lax.scan(step, noise[0], noise[1:])
        return jnp.concatenate([noise[:1], later]).T

    measures = {
        "autocorrelation_error": lambda x: autocorrelation_error(truth, x),
        "variance_error": variance_error,
    }
    return Dataset(sample, shape=(truth.n_steps,), truth=truth, measures=measures, kind="sequences")


# Uhlenbeck & Ornstein 1930, "On the Theory of the Brownian Motion".
ornstein_uhlenbeck = ornstein_uhlenbeck_dataset(OrnsteinUhlenbeck(32, 0.9))
