"""The hash written out: JAX's own bits, whatever is drawn and however it is traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.game.threefry import threefry_2x32, written_out

KEY = jax.random.key(7, impl="threefry2x32")
SAME = written_out(KEY)


def test_the_papers_own_test_vectors():
    # Salmon et al. 2011, known answers of Random123: key and counter all zeros, then all ones.
    zero, one = jnp.zeros(2, jnp.uint32), jnp.full(2, 0xFFFFFFFF, jnp.uint32)
    assert [hex(x) for x in threefry_2x32(zero, *zero)] == ["0x6b200159", "0x99ba4efe"]
    assert [hex(x) for x in threefry_2x32(one, *one)] == ["0x1cb996fc", "0xbb002be7"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.normal(key, (5, 192)),
        lambda key: jax.random.normal(key, ()),
        lambda key: jax.random.uniform(key, (1,)),
        lambda key: jax.random.uniform(key, (3, 0)),
        lambda key: jax.random.uniform(key, (7, 3, 11), minval=-2.0, maxval=3.0),
        lambda key: jax.random.bits(key, (33,), "uint8"),
        lambda key: jax.random.bits(key, (33,), "uint16"),
        lambda key: jax.random.randint(key, (101,), 0, 60_000),
        lambda key: jax.random.permutation(key, 50),
        lambda key: jax.random.bernoulli(key, 0.3, (64,)),
        lambda key: jax.random.normal(jax.random.fold_in(key, 2**32 - 1), (4,)),
        lambda key: jax.random.normal(jax.random.split(key, (2, 3))[1, 2], (4,)),
    ],
)
def test_draws_are_those_of_the_key_it_was_made_of(draw):
    np.testing.assert_array_equal(draw(SAME), draw(KEY))
    np.testing.assert_array_equal(jax.jit(draw)(SAME), draw(KEY))


def test_under_vmap_every_lane_draws_its_own():
    seeds = jnp.arange(6, dtype=jnp.uint32)

    def draw(seed, changed):
        key = jax.random.key(seed, impl="threefry2x32")
        key = jax.random.fold_in(changed(key), seed + 10)
        return jax.random.normal(key, (2, 9))

    ours = jax.jit(jax.vmap(lambda seed: draw(seed, written_out)))(seeds)
    np.testing.assert_array_equal(ours, jax.vmap(lambda seed: draw(seed, lambda key: key))(seeds))


def test_a_key_written_out_already_stays_as_it_is():
    np.testing.assert_array_equal(
        jax.random.normal(written_out(SAME), (3,)), jax.random.normal(KEY, (3,))
    )
