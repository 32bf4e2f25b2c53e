"""What batches are drawn from: passes in order, fixed latents, rows of a file, scaled data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import TINY, batches, set_up

import gan_jax
from gan_jax.data.dataset import Dataset, Pools, draw_rows
from gan_jax.game import draws
from gan_jax.game import gan as game
from gan_jax.game.order import rows_of_update, shuffled_index


@pytest.mark.parametrize("n", [1, 2, 3, 10, 64, 100, 1000])
def test_an_order_is_a_permutation(n):
    orders = [np.asarray(shuffled_index(jax.random.key(seed), jnp.arange(n), n)) for seed in (0, 1)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
    if n >= 10:
        assert not np.array_equal(*orders) and not np.array_equal(orders[0], np.arange(n))


def test_orders_put_every_row_in_every_place_alike():
    # 4,000 orders of 5 rows: each of 25 (place, row) pairs 800 times, chi-squared with 16 degrees.
    keys = jax.random.split(jax.random.key(2), 4000)
    orders = np.asarray(jax.vmap(lambda key: shuffled_index(key, jnp.arange(5), 5))(keys))
    counts = np.stack([np.bincount(orders[:, place], minlength=5) for place in range(5)])
    assert ((counts - 800) ** 2 / 800).sum() < 39.3  # its 99.9th percentile
    # All 120 permutations occur, none much too often (a Feistel network's even-permutation trap).
    kinds, times = np.unique(orders, axis=0, return_counts=True)
    assert len(kinds) > 100 and times.max() < 120


def test_a_pass_shows_each_row_once_and_the_next_one_in_another_order():
    key, n, size = jax.random.key(0), 23, 5
    first = np.concatenate([rows_of_update(key, jnp.int32(i), n, size) for i in range(4)])
    second = np.concatenate([rows_of_update(key, jnp.int32(i), n, size) for i in range(4, 8)])
    assert len(set(first.tolist())) == 20 and len(set(second.tolist())) == 20
    assert not np.array_equal(first, second)


def test_shuffled_training_enumerates_the_training_set():
    program, key, _ = set_up(n_train=16, batch_order="shuffled", discriminator_steps=2)
    # 4 real samples an update, 2 updates a step: a pass is 2 steps.
    for start in (0, 2):
        seen = [
            draws.draw_batches(*program, key, step)[0].x_real.reshape(-1, 2)
            for step in (start, start + 1)
        ]
        rows = np.unique(np.concatenate(seen), axis=0)
        np.testing.assert_array_equal(rows, np.unique(program.training_set.x, axis=0))
    # Another seed passes in another order; switching to it leaves the latents alone.
    other = draws.draw_batches(*program, draws.seed_key(7), 0)[0]
    assert not np.array_equal(other.x_real, draws.draw_batches(*program, key, 0)[0].x_real)
    random, _, _ = set_up(n_train=16, discriminator_steps=2)
    np.testing.assert_array_equal(
        draws.draw_batches(*random, key, 0)[0].z, draws.draw_batches(*program, key, 0)[0].z
    )


def test_a_latent_pool_leaves_the_training_set_as_it_is():
    # Drawn by one program, the two could be rounded otherwise than apart.
    (alone, _, _), (beside, _, _) = (
        set_up(data="swiss_roll", n_train=501, latent_pool=pool) for pool in (None, 100)
    )
    np.testing.assert_array_equal(alone.training_set.x, beside.training_set.x)


def test_a_latent_pool_is_all_that_training_sees():
    program, key, _ = set_up(latent_pool=7)
    pool = {tuple(z) for z in np.asarray(program.training_set.z).tolist()}
    seen = set()
    for step in range(10):
        for batch in batches(program, key, step):
            seen |= {tuple(z) for z in np.asarray(batch.z).tolist()}
    assert seen == pool and len(pool) == 7
    other, _, _ = set_up(latent_pool=7, data_seed=1)
    assert not np.array_equal(other.training_set.z, program.training_set.z)


def test_scaled_data_are_within_one_and_come_back_in_data_units():
    plain, key, state = set_up()
    scaled, _, _ = set_up(data_scaling=True)
    low, high = np.array([-0.5, 0.0]), np.array([0.5, 0.25])
    for step in range(5):
        x, shown = (np.asarray(batches(p, key, step)[0].x_real) for p in (plain, scaled))
        np.testing.assert_allclose(shown, (x - low) / (high - low) * 2 - 1, atol=1e-6)
        assert np.abs(shown).max() <= 1 + 1e-6
    z = jnp.ones((4, 3))
    raw, x = (np.asarray(game.generate(p.parts, state, z)) for p in (plain, scaled))
    np.testing.assert_allclose(x, (raw + 1) / 2 * (high - low) + low, atol=1e-6)
    # The discriminator is asked in data units too.
    np.testing.assert_allclose(
        game.discriminate(scaled.parts, state, x),
        game.discriminate(plain.parts, state, raw),
        atol=1e-5,
    )


def rows_dataset(rows, test):
    pools = Pools(rows, test)
    return Dataset(
        lambda key, n: draw_rows(jnp.asarray(rows), key, n),
        shape=rows.shape[1:],
        pools=lambda: pools,
        rows=(len(rows), len(test)),
    )


def test_grey_values_stay_bytes_until_a_batch_is_drawn(registered):
    rows = np.arange(40, dtype=np.uint8).reshape(20, 2)
    registered(gan_jax.DATASETS, "bytes", rows_dataset(rows, rows))
    program, key, _ = set_up(data="bytes", evaluation_samples=8)
    assert program.training_set.x.dtype == np.uint8
    x = np.asarray(batches(program, key)[0].x_real)
    stored = np.round((x + 1) * 127.5).astype(int)
    assert {tuple(row) for row in stored.tolist()} <= {tuple(row) for row in rows.tolist()}
    np.testing.assert_allclose(x, stored / 127.5 - 1, atol=1e-6)
    # A finite part of the rows: different ones, chosen by the data seed.
    part, _, _ = set_up(data="bytes", n_train=12, evaluation_samples=8)
    assert len(np.unique(part.training_set.x, axis=0)) == 12


def test_evaluations_compare_with_held_out_rows(registered):
    from gan_jax.analysis import quality

    train = np.zeros((20, 2), np.float32)
    test = np.stack([np.arange(10), np.ones(10)], 1).astype(np.float32)
    registered(gan_jax.DATASETS, "held", rows_dataset(train, test))
    experiment = gan_jax.Experiment(**TINY, data="held", evaluation_samples=10)
    x = quality.samples_real(experiment)
    np.testing.assert_array_equal(np.sort(x[:, 0]), np.arange(10))  # each once


def test_epochs_count_a_files_rows(registered):
    rows = np.zeros((50, 2), np.float32)
    registered(gan_jax.DATASETS, "file", rows_dataset(rows, rows))
    fields = {"data": "file", "batch_size": 8, "evaluation_samples": 8}
    assert gan_jax.Experiment(epochs=3, **fields).total_steps == 6 * 3
    with pytest.raises(gan_jax.ConfigError, match="n_train: 60 given, but file has 50 rows"):
        gan_jax.Experiment(n_train=60, **fields)
    with pytest.raises(gan_jax.ConfigError, match=r"batch_size: 52 .* 50 rows to train on"):
        gan_jax.Experiment(**fields | {"batch_size": 52})
    with pytest.raises(gan_jax.ConfigError, match="holds out 50 rows"):
        gan_jax.Experiment(**fields | {"evaluation_samples": 52})


def test_the_published_arithmetic_of_epochs():
    # 100 samples, batches of 10, 500 epochs: 5,000 iterations.
    assert gan_jax.Experiment(n_train=100, batch_size=10, epochs=500).total_steps == 5_000


def test_the_value_function_is_reported_whatever_the_loss():
    # A discriminator of zeros tells nothing: D = 1/2 everywhere, V = -2 log 2.
    for loss in ("non_saturating", "wasserstein"):
        program, key, state = set_up(loss=loss)
        zeros = jax.tree.map(jnp.zeros_like, state.discriminator.parameters)
        state = state._replace(discriminator=state.discriminator._replace(parameters=zeros))
        _, info = game.train_step(*program, state, key, 0)
        np.testing.assert_allclose(info.value, -2 * np.log(2), rtol=1e-6)
    # Of the log loss, V is minus what the discriminator minimises.
    program, key, state = set_up(loss="saturating")
    _, info = game.train_step(*program, state, key, 0)
    np.testing.assert_allclose(info.value, -info.discriminator_loss, rtol=1e-6)
