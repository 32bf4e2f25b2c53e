"""How good are a generator's samples: measures that compare it with the data, never with its loss.

Every distance comes with its floor: the same distance between real samples and other real samples
of the same number. No generator can be expected below it, so "good" has a meaning that is not a
matter of taste. Latents and real samples of an evaluation are drawn once from `data_seed`: they
are the same for every seed, variant and record.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.analysis.classifier_file import load_classifier
from gan_jax.analysis.distances import (
    energy_distance,
    mean_distance,
    mean_pair_distance,
    project,
    slice_directions,
    sliced_wasserstein,
)
from gan_jax.analysis.image_measures import ImageReference, image_measures, image_reference
from gan_jax.analysis.neighbours import prdc
from gan_jax.analysis.verdicts import NEIGHBOURS
from gan_jax.config import Experiment, split
from gan_jax.data.dataset import as_samples
from gan_jax.data.mixtures import MODE_SAMPLES, Mixture, mode_measures
from gan_jax.data_facts import COLLECTION_OF
from gan_jax.game.draws import data_key, draw_latents, draw_real
from gan_jax.game.gan import discriminate, generate
from gan_jax.game.parts import Parts
from gan_jax.game.program import look_up
from gan_jax.game.sharding import everywhere, shared_out
from gan_jax.game.state import GanState
from gan_jax.training.loop import Evaluation

N_FLOOR_DRAWS, N_FINAL_DRAWS, N_NEIGHBOURS = 100, 20, 5
# The measure that verdicts and tables call "quality"; lower is better.
QUALITY = "sliced_wasserstein"
# Uses of the data seed's key; 0 is the training set's.
LATENTS, REAL, FLOOR, DIRECTIONS, MODE_LATENTS = 1, 2, 3, 4, 5


class EvaluationInputs(NamedTuple):
    """What an evaluation compares with.

    Attributes:
      z: latents [n, latent_dim].
      x_real: real samples [n, *shape].
      directions: unit vectors [direction, feature].
      projected_real: x_real along each direction, sorted [n, direction].
      pair_distance: mean distance of two real samples, data units.
      classifier: the trained classifier's parameters, where classes are to be measured; else None.
      real_images: what the classifier makes of x_real, likewise.
    """

    z: jax.Array
    x_real: jax.Array
    directions: jax.Array
    projected_real: jax.Array
    pair_distance: jax.Array
    classifier: Any = None
    real_images: ImageReference | None = None


def measure_samples(parts: Parts, inputs: EvaluationInputs, x: jax.Array) -> dict[str, jax.Array]:
    """What samples [n, *shape] tell without a discriminator.

    `sliced_wasserstein`, in data units; `diversity`, the mean distance of two samples over that of
    two real ones (1 is the data's, 0 one point), where the data are more than a point; the data
    set's own truth measures; and what the classifier tells, where `classifier_measures` is on.
    """
    measures = {name: function(x) for name, function in parts.dataset.measures.items()}
    if not parts.dataset.point:
        measures["diversity"] = mean_pair_distance(x) / inputs.pair_distance
    if inputs.real_images is not None:
        measures |= image_measures(inputs.classifier, inputs.real_images, x)
    distance = sliced_wasserstein(inputs.directions, x, inputs.projected_real)
    return {"sliced_wasserstein": distance} | measures


def measure(parts: Parts, inputs: EvaluationInputs, state: GanState) -> dict[str, jax.Array]:
    """`measure_samples` of a state's generator, and its discriminator's accuracies.

    `accuracy_real` and `accuracy_fake` are the shares of real and generated samples told rightly.
    Where a mesh is set, the networks' passes are shared out among its devices; distances, which
    compare all samples with all, are every device's own.
    """
    x_fake = generate(parts, state, shared_out(inputs.z))
    dtype = jnp.result_type(x_fake, inputs.x_real)  # a user's network or data may have their own
    x_real = shared_out(inputs.x_real).astype(dtype)

    # The generated ones, then the real ones, in a loop: half the program, and of points, whose
    # networks are wider than they, a fraction of the memory. Handed on, not stacked, samples keep
    # the order in memory that the generator leaves and the discriminator reads. Of images it costs
    # a lane a copy of the real ones.
    def judge(x: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        return x_real, discriminate(parts, state, x)

    _, (of_fake, of_real) = lax.scan(judge, x_fake.astype(dtype), length=2)
    return measure_samples(parts, inputs, everywhere(x_fake)) | {
        "accuracy_real": (of_real > 0).mean(),
        "accuracy_fake": (of_fake < 0).mean(),
    }


def pool(parts: Parts, split: str) -> jax.Array | None:
    """The "train" or "test" rows of data that come from a file; None of data drawn from a law."""
    if parts.dataset.pools is None:
        return None
    return jax.device_put(getattr(parts.dataset.pools(), split))


@partial(jax.jit, static_argnums=0)
def _inputs(
    parts: Parts, held_out: jax.Array | None, classifier: Any, data_seed: jax.typing.ArrayLike
) -> EvaluationInputs:
    n, key = parts.static.evaluation_samples, data_key(data_seed, REAL)
    if held_out is None:
        x_real = parts.dataset.sample(key, n)
    else:
        x_real = as_samples(parts.dataset.choose(held_out, key, n))
    directions = slice_directions(data_key(data_seed, DIRECTIONS), x_real[0].size)
    return EvaluationInputs(
        _latents(parts, data_seed),
        x_real,
        directions,
        project(directions, x_real),
        mean_pair_distance(x_real),
        classifier,
        None if classifier is None else image_reference(classifier, x_real),
    )


def evaluation(experiment: Experiment) -> Evaluation:
    """What `train_seeds` needs to measure sample quality at every record.

    Raises:
      ConfigError: when the data, or the classifier that is to be used, are not there.
    """
    parts, classifier = _parts(experiment), None
    if experiment.classifier_measures:
        classifier = load_classifier(COLLECTION_OF[experiment.data]).parameters
    seed = np.uint32(experiment.data_seed)
    return Evaluation(measure, _inputs(parts, pool(parts, "test"), classifier, seed))


def _parts(experiment: Experiment) -> Parts:
    return look_up(split(experiment)[0])


@partial(jax.jit, static_argnums=0)
def _floors(
    parts: Parts, inputs: EvaluationInputs, training_rows: jax.Array | None, key: jax.Array
) -> dict[str, jax.Array]:
    n = parts.static.evaluation_samples

    def draw(index: jax.Array) -> dict[str, jax.Array]:
        x = draw_real(parts.dataset, training_rows, jax.random.fold_in(key, index), n)
        return measure_samples(parts, inputs, x) | {"pair_distance": mean_pair_distance(x)}

    return lax.map(draw, jnp.arange(N_FLOOR_DRAWS))


def floors(experiment: Experiment) -> dict[str, np.ndarray]:
    """Each sample measure, for N_FLOOR_DRAWS fresh real sets in the generator's place [draw].

    And `pair_distance`, the mean distance of two real samples: the data's width, in data units. Of
    data from a file, evaluations compare with held-out rows and the floor's sets are training rows:
    what a generator would score that had learned to draw those.
    """
    parts, key = _parts(experiment), data_key(experiment.data_seed, FLOOR)
    inputs = evaluation(experiment).inputs
    return jax.device_get(_floors(parts, inputs, pool(parts, "train"), key))


@partial(jax.jit, static_argnums=(0, 1))
def _samples(
    parts: Parts, n: int | None, data_seed: jax.typing.ArrayLike, states: GanState
) -> jax.Array:
    z = _latents(parts, data_seed)[:n]
    return jax.vmap(lambda state: generate(parts, state, z))(states)


def _latents(parts: Parts, data_seed: jax.typing.ArrayLike) -> jax.Array:
    n = parts.static.evaluation_samples
    return draw_latents(parts.static, data_key(data_seed, LATENTS), n)


def samples(experiment: Experiment, states: GanState, n: int | None = None) -> np.ndarray:
    """Every state's samples [seed, n, *shape] from the evaluation's latents, or the first n."""
    return np.asarray(_samples(_parts(experiment), n, np.uint32(experiment.data_seed), states))


@partial(jax.jit, static_argnums=0)
def _compare(parts: Parts, x_real: jax.Array, x: jax.Array) -> dict[str, jax.Array]:
    real_to_real = mean_distance(x_real, x_real)

    def one(x: jax.Array) -> dict[str, jax.Array]:
        measures = {"energy_distance": energy_distance(x, x_real, real_to_real)}
        if parts.dataset.point:  # balls around one and the same point hold nothing
            return measures
        neighbours = prdc(x_real, x, k=min(N_NEIGHBOURS, x_real.shape[0] - 1))
        return measures | {NEIGHBOURS[name]: value for name, value in neighbours.items()}

    return lax.map(one, x)


@partial(jax.jit, static_argnums=0)
def _mode_measures(
    parts: Parts, data_seed: jax.typing.ArrayLike, states: GanState
) -> dict[str, jax.Array]:
    some, many = MODE_SAMPLES
    z = draw_latents(parts.static, data_key(data_seed, MODE_LATENTS), many)
    z = z.reshape(-1, some, z.shape[1])

    # One state after another, a few samples at a time: memory does not grow with either.
    def one(state: GanState) -> dict[str, jax.Array]:
        x = lax.map(partial(generate, parts, state), z)
        return mode_measures(parts.dataset.truth, x.reshape(many, -1))

    return lax.map(one, states)


def final_measures(
    experiment: Experiment, states: GanState, x: np.ndarray
) -> dict[str, np.ndarray]:
    """Measures [seed] that are taken once a training, of final states and their samples.

    Of samples [seed, n, *shape], as they are: the `energy_distance` from the evaluation's real
    samples, in data units; and where the data are more than a point, precision, recall, density and
    coverage, by `analysis.neighbours`, with N_NEIGHBOURS of them, or of fewer samples all others.
    They cost n^2 distances a seed. Of data whose truth is a mixture also `mode_measures`, of fresh
    samples of each state.
    """
    parts = _parts(experiment)
    measures = _compare(parts, evaluation(experiment).inputs.x_real, x)
    if isinstance(parts.dataset.truth, Mixture):
        measures |= _mode_measures(parts, np.uint32(experiment.data_seed), states)
    return jax.device_get(measures)


def final_floors(experiment: Experiment) -> dict[str, np.ndarray]:
    """The same, for N_FINAL_DRAWS fresh real sets in the generator's place [draw]."""
    parts, n = _parts(experiment), experiment.evaluation_samples
    keys = jax.random.split(data_key(experiment.data_seed, FLOOR), N_FINAL_DRAWS)
    training_rows = pool(parts, "train")
    x = np.stack([draw_real(parts.dataset, training_rows, key, n) for key in keys])
    floors = _compare(parts, evaluation(experiment).inputs.x_real, x)
    if isinstance(parts.dataset.truth, Mixture):
        floors |= _mode_floors(parts, keys)
    return jax.device_get(floors)


@partial(jax.jit, static_argnums=0)
def _mode_floors(parts: Parts, keys: jax.Array) -> dict[str, jax.Array]:
    def draw(key: jax.Array) -> dict[str, jax.Array]:
        return mode_measures(parts.dataset.truth, parts.dataset.sample(key, MODE_SAMPLES[-1]))

    return lax.map(draw, keys)


def labels(experiment: Experiment) -> tuple[str, ...]:
    """Names of a sample's coordinates, where the data set gives them."""
    return _parts(experiment).dataset.labels


def samples_real(experiment: Experiment) -> np.ndarray:
    """The evaluation's real samples [n, *shape]."""
    return np.asarray(evaluation(experiment).inputs.x_real)
