"""matmul_precision: what the compiled program is told of its matrix products."""

import jax
import jax.numpy as jnp
import pytest

import gan_jax

NAMES = {
    "float32": "(Precision.HIGHEST, Precision.HIGHEST)",
    "tensorfloat32": "(Precision.HIGH, Precision.HIGH)",
    "bfloat16": "BF16_BF16_F32",
}


def programs(experiment):
    gan = gan_jax.make_gan(experiment)
    state = gan.init(gan_jax.seed_key(0))
    z = jnp.zeros((4, experiment.latent_dim))
    return {
        "train_step": jax.make_jaxpr(gan.train_step)(state, gan_jax.seed_key(0)),
        "generate": jax.make_jaxpr(gan.generate)(state, z),
        "discriminate": jax.make_jaxpr(gan.discriminate)(state, jnp.zeros((4, 2))),
    }


@pytest.mark.parametrize("precision", NAMES)
def test_every_matrix_product_has_the_precision_asked_for(precision):
    for program in programs(gan_jax.Experiment(matmul_precision=precision)).values():
        products = [line for line in str(program).splitlines() if "precision=" in line]
        assert products
        assert all(f"precision={NAMES[precision]}" in line for line in products), products


def test_another_precision_is_refused():
    with pytest.raises(gan_jax.ConfigError, match="matmul_precision: 'half' given, expected"):
        gan_jax.Experiment(matmul_precision="half")
