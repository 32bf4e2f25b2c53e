"""What several test files set up: a GAN small enough to compute by hand, and a tiny study."""

import jax

import gan_jax
from gan_jax.game import draws
from gan_jax.game import gan as game
from gan_jax.studies.study import Study

TINY = {"generator_hidden": (4,), "discriminator_hidden": (6,), "latent_dim": 3, "batch_size": 8}


def set_up(**fields):
    program = game.make_program(gan_jax.Experiment(**(TINY | fields)))
    key = draws.seed_key(0)
    state = game.init(program.parts, program.leaves, key)
    return program, key, state


def batches(program, key, step=0):
    discriminator, generator = draws.draw_batches(*program, key, step)
    return jax.tree.map(lambda x: x[0], discriminator), generator


# For every network, the shape of a sample that it takes.
SHAPES = {"dense": (2,), "convolutional": (8, 12, 2), "gru": (5,), "lstm": (5,), "dirac": (2,)}


# A study of two losses and three seeds, for a few seconds.
BASE = gan_jax.Experiment(steps=30, log_every=10, batch_size=16, evaluation_samples=32)
LOSSES = {name: {"loss": name} for name in ("saturating", "non_saturating")}


def tiny_study(**changes):
    fields = {"name": "tiny", "base": BASE, "variants": LOSSES, "seeds": 3, "lanes": 2}
    return Study(**(fields | changes))
