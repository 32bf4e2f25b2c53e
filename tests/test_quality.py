"""Quality measures: known distances, the floor, and evaluations that are the same for everyone."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import wasserstein_distance
from setups import LAWS

import gan_jax
from gan_jax.analysis import quality
from gan_jax.game.gan import draw_batches
from gan_jax.game.program import make_program


def test_sort_floats_sorts_signs_zeros_and_extremes():
    x = jnp.array([[3.0, -1e-40, -2.5, 0.0, 3.4e38, -3.4e38, 1e-40, -7.0], [1.0] * 8])
    np.testing.assert_array_equal(quality.sort_floats(x), np.sort(np.asarray(x)))
    normal = jax.random.normal(jax.random.key(0), (5, 257))
    np.testing.assert_array_equal(quality.sort_floats(normal), np.sort(np.asarray(normal)))


@pytest.mark.parametrize("dimension", [1, 2, 3, 7])
def test_directions_are_unit_vectors(dimension):
    directions = quality.slice_directions(jax.random.key(0), dimension)
    assert directions.shape[1] == dimension
    np.testing.assert_allclose(jnp.linalg.norm(directions, axis=1), 1, rtol=1e-6)
    assert len(np.unique(np.round(directions, 5), axis=0)) == len(directions)


def test_sliced_wasserstein_is_the_mean_of_scipys_one_dimensional_distances():
    x, y = (jax.random.normal(jax.random.key(i), (64, 2)) * (1 + i) for i in (0, 1))
    directions = quality.slice_directions(jax.random.key(0), 2)
    ours = quality.sliced_wasserstein(directions, x, quality.project(directions, y))
    theirs = [
        wasserstein_distance(np.asarray(x) @ d, np.asarray(y) @ d) for d in np.asarray(directions)
    ]
    np.testing.assert_allclose(ours, np.mean(theirs), rtol=1e-5)


def test_sliced_wasserstein_of_a_shift_is_the_mean_projected_shift():
    # A cloud moved by the vector s is |s . direction| away along each direction.
    x = jax.random.normal(jax.random.key(0), (32, 2))
    directions = quality.slice_directions(jax.random.key(0), 2)
    shift = jnp.array([0.6, -0.8])
    distance = quality.sliced_wasserstein(
        directions, x + shift[None], quality.project(directions, x)
    )
    np.testing.assert_allclose(distance, jnp.abs(directions @ shift).mean(), rtol=1e-4)


def test_pair_distance_of_hand_made_pairs():
    # Pairs are (0, 2) and (1, 3): distances 5 and 0.
    x = jnp.array([[0.0, 0.0], [1.0, 1.0], [3.0, 4.0], [1.0, 1.0]])
    assert quality.mean_pair_distance(x) == 2.5


def test_floors_are_what_real_samples_score_and_collapse_scores_worse():
    experiment = gan_jax.Experiment()
    floors = quality.floors(experiment)
    measures = {"sliced_wasserstein", "diversity", "curve_error", "coverage", "x_marginal"}
    assert set(floors) == measures | {"pair_distance"}
    assert all(draws.shape == (quality.N_FLOOR_DRAWS,) for draws in floors.values())
    assert len(np.unique(floors["sliced_wasserstein"])) == quality.N_FLOOR_DRAWS
    np.testing.assert_allclose(floors["diversity"].mean(), 1, atol=0.1)
    assert (floors["coverage"] == 1).all() and floors["curve_error"].max() < 1e-6

    parts, inputs = make_program(experiment).parts, quality.evaluation(experiment).inputs
    # Real samples again: zero from themselves. One point: no diversity, a tenth of the domain.
    again = quality.measure_samples(parts, inputs, inputs.x_real)
    assert again["sliced_wasserstein"] == 0
    np.testing.assert_allclose(again["diversity"], 1, rtol=1e-6)
    point = quality.measure_samples(parts, inputs, jnp.zeros_like(inputs.x_real))
    assert point["diversity"] == 0
    np.testing.assert_allclose(point["coverage"], 0.1, rtol=1e-6)
    assert point["sliced_wasserstein"] > 5 * np.percentile(floors["sliced_wasserstein"], 95)


def test_floors_shrink_as_the_square_root_of_the_sample_size():
    small, large = (
        quality.floors(gan_jax.Experiment(evaluation_samples=n))["sliced_wasserstein"].mean()
        for n in (128, 2048)
    )
    np.testing.assert_allclose(small / large, 4, rtol=0.35)


def test_an_evaluation_depends_on_the_data_seed_alone():
    base = quality.evaluation(gan_jax.Experiment()).inputs
    same = gan_jax.Experiment(loss="saturating", log_every=7, generator_hidden=(3,), steps=3)
    chex.assert_trees_all_equal(quality.evaluation(same).inputs, base)
    other = quality.evaluation(gan_jax.Experiment(data_seed=1)).inputs
    assert not np.array_equal(other.x_real, base.x_real) and not np.array_equal(other.z, base.z)


def test_the_data_seed_shares_no_key_with_the_run_of_the_same_number():
    experiment = gan_jax.Experiment(data_seed=0, n_train=128)
    program = make_program(experiment)
    evaluated = np.asarray(quality.evaluation(experiment).inputs.x_real)
    fresh = make_program(gan_jax.Experiment())
    for step in range(8):
        key = gan_jax.seed_key(0)
        batch, _ = draw_batches(*fresh, key, step)
        assert not np.isin(np.asarray(batch.x_real)[..., 0], evaluated[:, 0]).any()
        assert not np.isin(np.asarray(batch.x_real)[..., 0], program.training_set.x[:, 0]).any()


@pytest.mark.parametrize("data", LAWS)
def test_every_data_set_can_be_evaluated(data):
    experiment = gan_jax.Experiment(data=data, evaluation_samples=64)
    gan = gan_jax.make_gan(experiment)
    state = gan.init(gan_jax.seed_key(0))
    parts, inputs = make_program(experiment).parts, quality.evaluation(experiment).inputs
    measures = quality.measure(parts, inputs, state)
    for name, value in measures.items():
        assert value.shape == () and jnp.isfinite(value), name
    x_fake = gan.generate(state, inputs.z)
    accuracy = (gan.discriminate(state, x_fake) < 0).mean()
    assert measures["accuracy_fake"] == accuracy
    assert measures["accuracy_real"] == (gan.discriminate(state, inputs.x_real) > 0).mean()
    states = jax.tree.map(lambda x: x[None], state)
    np.testing.assert_allclose(quality.samples(experiment, states)[0], x_fake, rtol=1e-5, atol=1e-6)
