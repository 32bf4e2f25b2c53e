"""What several test files set up: a GAN to compute by hand, every network, and a tiny study."""

from functools import cache

import jax
import numpy as np

import gan_jax
from gan_jax.game import draws
from gan_jax.game import gan as game
from gan_jax.networks import NETWORKS, NetworkSpec
from gan_jax.studies.study import Study

TINY = {"generator_hidden": (4,), "discriminator_hidden": (6,), "latent_dim": 3, "batch_size": 8}
# With a slope everywhere, and steps along the game's own field.
SMOOTH = {
    **TINY,
    "generator_activation": "tanh",
    "discriminator_activation": "tanh",
    "update": "simultaneous",
    "optimizer": "sgd",
}


def set_up(**fields):
    program = game.make_program(gan_jax.Experiment(**(TINY | fields)))
    key = draws.seed_key(0)
    state = game.init(program.parts, program.leaves, key)
    return program, key, state


def trained_states(experiment, seeds, steps=3):
    """States [seed] after some steps."""
    return gan_jax.train_seeds(experiment.replace(steps=steps, log_every=1), seeds, 2).states


@cache
def sampler(dataset, n):
    return jax.jit(lambda key: dataset.sample(key, n))


def drawn(dataset, seed, n=2000):
    """Samples [n, *shape] of a data set."""
    return sampler(dataset, n)(jax.random.key(seed))


@cache
def measurer(dataset):
    return jax.jit(lambda x: {name: f(x) for name, f in dataset.measures.items()})


def measured(dataset, x):
    """All truth measures of samples [n, *shape], as numbers by name."""
    return {name: float(value) for name, value in measurer(dataset)(x).items()}


def assert_mean(values, expected):
    """Compare a mean with the law's, within 4.5 of its standard errors."""
    values = np.asarray(values, np.float64)
    error = values.std(axis=0) / np.sqrt(len(values))
    np.testing.assert_array_less(np.abs(values.mean(axis=0) - expected), 4.5 * error)


def batches(program, key, step=0):
    discriminator, generator = draws.draw_batches(*program, key, step)
    return jax.tree.map(lambda x: x[0], discriminator), generator


# For every network, the shape of a sample that it takes.
SHAPES = {"dense": (2,), "convolutional": (8, 12, 2), "gru": (5,), "lstm": (5,), "dirac": (2,)}
LATENT_DIM = 5


def built(name, player, hidden=(8, 8), packing=1, batch=6, **fields):
    """A network of an activation with a slope everywhere, and an input of standard Gaussians."""
    shape = SHAPES[name] if packing == 1 else (packing, *SHAPES[name])
    spec = NetworkSpec(player, hidden, "leaky_relu", shape, **fields)
    x = (batch, LATENT_DIM) if player == "generator" else (batch, *shape)
    return NETWORKS[name](spec), jax.random.normal(jax.random.key(0), x)


def loss_parameters(name):
    """Parameters at which no loss is another's limit."""
    chosen = {"alpha_d": 0.6, "alpha_g": 3.0}
    return {key: chosen[key] for key in gan_jax.LOSSES[name].parameters}


def shaken(parameters):
    """Parameters none of which is zero any more, biases above all."""
    leaves, tree = jax.tree.flatten(parameters)
    keys = jax.random.split(jax.random.key(7), len(leaves))
    moved = [x + 0.1 * jax.random.normal(key, x.shape) for x, key in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, moved)


# A study of two losses and three seeds, for a few seconds.
BASE = gan_jax.Experiment(steps=30, log_every=10, batch_size=16, evaluation_samples=32)
SHORT = BASE.replace(steps=10, log_every=5, evaluation_samples=16)
LOSSES = {name: {"loss": name} for name in ("saturating", "non_saturating")}


def tiny_study(**changes):
    fields = {"name": "tiny", "base": BASE, "variants": LOSSES, "seeds": 3, "lanes": 2}
    return Study(**(fields | changes))


# Of one program: averaged weights and running statistics, of two decays.
EXPORTED = {"averaged": {}, "hardly": {"generator_ema": 0.1}}


def exported_study():
    base = BASE.replace(generator_ema=0.9, generator_normalization="batch")
    return tiny_study(variants=EXPORTED, base=base)


def timeless(results):
    """Results without what differs between two runs of one study: when, and how long."""
    return results.drop_vars("wall_seconds").assign_attrs(study_file="")


# Images small enough for any test: grey noise about a level of the image's own.
BLOBS = gan_jax.Dataset(
    lambda key, n: jax.numpy.tanh(
        jax.random.normal(key, (n, 1, 1, 1)) + 0.1 * jax.random.normal(key, (n, 8, 8, 1))
    ),
    shape=(8, 8, 1),
    kind="images",
)


def poisoned(key):
    """Whether what is drawn with a key is NaN, of POISONED."""
    return jax.random.uniform(jax.random.fold_in(key, 9)) < 0.1


# Points of the parabola, at a tenth of all steps NaN: only there does a step fail.
POISONED = gan_jax.Dataset(
    lambda key, n: jax.numpy.where(
        poisoned(key), jax.numpy.nan, gan_jax.DATASETS["parabola"].sample(key, n)
    ),
    shape=(2,),
)

# Network -> data that it takes, of those that do not take points.
TAKES = {"convolutional": "blobs", "gru": "sine_waves", "lstm": "sine_waves"}

# Data drawn from a law; the others are read from files.
LAWS = [name for name, dataset in gan_jax.DATASETS.items() if dataset.pools is None]
