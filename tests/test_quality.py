"""Quality measures: known distances, the floor, and evaluations that are the same for everyone."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy import stats
from scipy.stats import wasserstein_distance
from setups import LAWS

import gan_jax
from gan_jax.analysis import distances, quality
from gan_jax.config import split
from gan_jax.data.sorting import sort_columns, sort_floats, sorting_network
from gan_jax.game.gan import draw_batches
from gan_jax.game.program import make_program


def test_sort_floats_sorts_signs_zeros_and_extremes():
    x = jnp.array([[3.0, -1e-40, -2.5, 0.0, 3.4e38, -3.4e38, 1e-40, -7.0], [1.0] * 8])
    np.testing.assert_array_equal(sort_floats(x), np.sort(np.asarray(x)))
    normal = jax.random.normal(jax.random.key(0), (5, 257))
    np.testing.assert_array_equal(sort_floats(normal), np.sort(np.asarray(normal)))


@pytest.mark.parametrize("n", [1, 2, 3, 64, 257, 512])
def test_the_network_sorts_as_numpy_does(n):
    columns = jax.random.normal(jax.random.key(n), (n, 5)).at[0].set(-3e38)
    np.testing.assert_array_equal(sorting_network(columns), np.sort(np.asarray(columns), axis=0))


@pytest.mark.parametrize("n", [7, 1025])
def test_columns_are_sorted_alike_in_one_lane_and_in_several(n):
    columns = jax.random.normal(jax.random.key(0), (3, n, 2))
    ordered = np.sort(np.asarray(columns), axis=1)
    np.testing.assert_array_equal(jax.vmap(sort_columns)(columns), ordered)
    np.testing.assert_array_equal(sort_columns(columns[0]), ordered[0])


@pytest.mark.parametrize("dimension", [1, 2, 3, 7])
def test_directions_are_unit_vectors(dimension):
    directions = distances.slice_directions(jax.random.key(0), dimension)
    assert directions.shape[1] == dimension
    np.testing.assert_allclose(jnp.linalg.norm(directions, axis=1), 1, rtol=1e-6)
    assert len(np.unique(np.round(directions, 5), axis=0)) == len(directions)


def test_sliced_wasserstein_is_the_mean_of_scipys_one_dimensional_distances():
    x, y = (jax.random.normal(jax.random.key(i), (64, 2)) * (1 + i) for i in (0, 1))
    directions = distances.slice_directions(jax.random.key(0), 2)
    ours = distances.sliced_wasserstein(directions, x, distances.project(directions, y))
    theirs = [
        wasserstein_distance(np.asarray(x) @ d, np.asarray(y) @ d) for d in np.asarray(directions)
    ]
    np.testing.assert_allclose(ours, np.mean(theirs), rtol=1e-5)


def test_sliced_wasserstein_of_a_shift_is_the_mean_projected_shift():
    # A cloud moved by the vector s is |s . direction| away along each direction.
    x = jax.random.normal(jax.random.key(0), (32, 2))
    directions = distances.slice_directions(jax.random.key(0), 2)
    shift = jnp.array([0.6, -0.8])
    distance = distances.sliced_wasserstein(
        directions, x + shift[None], distances.project(directions, x)
    )
    np.testing.assert_allclose(distance, jnp.abs(directions @ shift).mean(), rtol=1e-4)


def test_pair_distance_of_hand_made_pairs():
    # Pairs are (0, 2) and (1, 3): distances 5 and 0.
    x = jnp.array([[0.0, 0.0], [1.0, 1.0], [3.0, 4.0], [1.0, 1.0]])
    assert distances.mean_pair_distance(x) == 2.5


def test_energy_distance_by_hand():
    # |X - Y| is 1 or 3: mean 2. |X - X'| is 0 or 2: mean 1. |Y - Y'| likewise: 1.
    x, y = jnp.array([[0.0, 0.0], [0.0, 2.0]]), jnp.array([[0.0, 3.0], [0.0, 1.0]])
    np.testing.assert_allclose(distances.energy_distance(x, y), 2 * 1.5 - 1 - 1, rtol=1e-6)
    # One point 5 from another, as images; and a cloud from itself.
    points = jnp.zeros((1, 2, 1, 1)), jnp.array([3.0, 4.0]).reshape(1, 2, 1, 1)
    assert distances.energy_distance(*points) == 10
    np.testing.assert_allclose(distances.energy_distance(x, x), 0, atol=1e-6)


@pytest.mark.parametrize("n", [40, 300])  # beyond one block of rows, too
def test_energy_distance_is_the_square_of_scipys_in_one_dimension(n):
    x, y = (np.random.default_rng(i).normal(i, 1 + i, n + i) for i in (0, 1))
    ours = distances.energy_distance(jnp.float32(x)[:, None], jnp.float32(y)[:, None])
    np.testing.assert_allclose(ours, stats.energy_distance(x, y) ** 2, rtol=1e-4)


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
    # Real samples again: zero from themselves, but for rounding by another program. One point: no
    # diversity, a tenth of the domain.
    again = quality.measure_samples(parts, inputs, inputs.x_real)
    assert again["sliced_wasserstein"] < 1e-8
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


def test_every_final_measure_has_its_floor():
    for data in ("parabola", "ring"):
        experiment = gan_jax.Experiment(data=data, evaluation_samples=64)
        states = jax.vmap(gan_jax.make_gan(experiment).init)(jax.random.split(jax.random.key(0), 2))
        finals = quality.final_measures(experiment, states, quality.samples(experiment, states))
        floors = quality.final_floors(experiment)
        assert set(finals) == set(floors)
        assert ("modes_25000" in finals) == (data == "ring")
        assert all(x.shape == (2,) and np.isfinite(x).all() for x in finals.values())
        assert all(x.shape == (quality.N_FINAL_DRAWS,) for x in floors.values())
        # An untrained generator is no ring; n real samples against n have 2 E|Y - Y'| / n.
        assert finals["energy_distance"].min() > floors["energy_distance"].max()
        expected = 2 * quality.floors(experiment)["pair_distance"].mean() / 64
        np.testing.assert_allclose(floors["energy_distance"].mean(), expected, rtol=0.5)
        assert len(np.unique(floors["energy_distance"])) == quality.N_FINAL_DRAWS


def test_data_of_one_point_have_no_neighbours_to_measure():
    experiment = gan_jax.preset("dirac")
    states = jax.vmap(gan_jax.make_gan(experiment).init)(jax.random.split(jax.random.key(0), 2))
    x = quality.samples(experiment, states)
    finals, floors = quality.final_measures(experiment, states, x), quality.final_floors(experiment)
    assert set(finals) == set(floors) == {"energy_distance"}
    # Of a generator of one point and data of another: twice the distance of the two.
    np.testing.assert_allclose(finals["energy_distance"], 2 * np.abs(x).mean((1, 2)), rtol=1e-6)
    assert not floors["energy_distance"].any()


def test_modes_are_counted_on_fresh_samples_of_every_state():
    experiment = gan_jax.Experiment(data="ring", latent_dim=2, generator_hidden=())
    gan = gan_jax.make_gan(experiment)
    state = gan.init(gan_jax.seed_key(0))
    # A generator x = A z + b: all at the third mode, but for its width.
    layer = {
        "kernel": 0.01 * np.eye(2, dtype=np.float32),
        "bias": quality.look_up(split(experiment)[0]).dataset.truth.centres[2],
    }
    at_mode = {"FeaturesFirstLayer_0": layer}
    off = {"FeaturesFirstLayer_0": layer | {"bias": 2 * layer["bias"]}}
    states = [
        state._replace(generator=state.generator._replace(parameters=parameters))
        for parameters in (at_mode, off)
    ]
    stacked = jax.tree.map(lambda *x: np.stack(x), *states)
    finals = quality.final_measures(experiment, stacked, quality.samples(experiment, stacked))
    for n in (2_500, 25_000):
        np.testing.assert_array_equal(finals[f"modes_{n}"], [1, 0])
        share = 1 - np.exp(-4.5)  # of a Gaussian within 3 deviations
        error = np.sqrt(share * (1 - share) / n)
        assert abs(finals[f"high_quality_{n}"][0] - share) < 4 * error
        np.testing.assert_allclose(finals[f"reverse_kl_{n}"], np.log(8), rtol=1e-5)
    assert finals["high_quality_2500"][0] != finals["high_quality_25000"][0]
    floors = quality.final_floors(experiment)
    assert (floors["modes_2500"] == 8).all()
    # Real samples score (m - 1) / 2n on average.
    for n in (2_500, 25_000):
        assert 0.5 < floors[f"reverse_kl_{n}"].mean() / (7 / (2 * n)) < 1.6


class Halves(nn.Module):
    """A generator whose samples have half a float32's bits."""

    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(3)(x).astype(jnp.bfloat16)


def test_a_networks_own_kind_of_numbers_is_measured_beside_the_datas(registered):
    registered(gan_jax.NETWORKS, "halves", lambda spec: Halves())
    cloud = gan_jax.Dataset(lambda key, n: jax.random.normal(key, (n, 3)), shape=(3,))
    registered(gan_jax.DATASETS, "cloud", cloud)
    experiment = gan_jax.Experiment(data="cloud", generator="halves", steps=2, batch_size=4)
    run = gan_jax.train_seeds(experiment, 2, evaluation=quality.evaluation(experiment))
    assert np.isfinite(run.history["accuracy_fake"]).all()
