"""A GAN small enough to compute by hand, and its batches."""

import jax

import gan_jax
from gan_jax.game import gan as game

TINY = {"generator_hidden": (4,), "discriminator_hidden": (6,), "latent_dim": 3, "batch_size": 8}


def set_up(**fields):
    program = game.make_program(gan_jax.Experiment(**(TINY | fields)))
    key = game.seed_key(0)
    state = game.init(program.parts, program.leaves, key)
    return program, key, state


def batches(program, key, step=0):
    step_key = jax.random.fold_in(key, step)
    discriminator, generator = game.draw_batches(program.parts, program.training_set, step_key)
    return jax.tree.map(lambda x: x[0], discriminator), generator
