"""The real digits: their moments, batches, stacks; and the classifier's measures in a training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from setups import TINY

import gan_jax
from gan_jax.analysis import quality
from gan_jax.data import DATASETS, find_dataset
from gan_jax.data.images import choose_stacked, draw_stacked

pytestmark = pytest.mark.usefixtures("digits")


def test_mnist_has_its_known_moments():
    # Grey values of the 60,000: mean 33.318, deviation 78.567 of 255.
    pools = DATASETS["mnist"].pools()
    assert pools.train.shape == (60_000, 28, 28, 1) and pools.test.shape == (10_000, 28, 28, 1)
    np.testing.assert_allclose(pools.train.mean(), 33.318, atol=1e-3)
    np.testing.assert_allclose(pools.train.std(), 78.567, atol=1e-3)
    x = DATASETS["mnist"].sample(jax.random.key(0), 256)
    assert x.shape == (256, 28, 28, 1) and x.dtype == jnp.float32
    assert x.min() == -1 and x.max() == 1


def test_stacks_are_three_digits_drawn_apart():
    pool = jnp.asarray(DATASETS["mnist"].pools().test)
    x = jax.jit(lambda key: draw_stacked(pool, key, 64))(jax.random.key(0))
    assert x.shape == (64, 28, 28, 3)
    rows = {np.asarray(row).tobytes() for row in pool[..., 0]}
    channels = np.round((np.asarray(x) + 1) * 127.5).astype(np.uint8)
    assert all(image[..., c].tobytes() in rows for image in channels[:8] for c in range(3))
    assert not np.array_equal(x[..., 0], x[..., 1])
    # A finite set of them stays bytes, and is drawn from as rows are.
    chosen = choose_stacked(pool, jax.random.key(1), 10)
    assert chosen.shape == (10, 28, 28, 3) and chosen.dtype == jnp.uint8
    again = draw_stacked(chosen, jax.random.key(2), 5)
    assert again.shape == (5, 28, 28, 3)


@pytest.mark.parametrize("data", ["mnist", "stacked_mnist"])
def test_the_classifier_measures_whatever_is_generated(data):
    fields = {"evaluation_samples": 32, "classifier_measures": True, "n_train": 100}
    experiment = gan_jax.Experiment(**TINY, **fields, data=data)
    inputs = quality.evaluation(experiment).inputs
    gan = gan_jax.make_gan(experiment)
    state = gan.init(gan_jax.seed_key(0))
    from gan_jax.game.program import make_program

    measures = quality.measure(make_program(experiment).parts, inputs, state)
    own = {"coverage", "class_kl"} if data == "mnist" else {"modes", "mode_kl"}
    assert own | {"frechet_distance", "kernel_distance", "sliced_wasserstein"} <= set(measures)
    assert all(jnp.isfinite(value) for value in measures.values())
    # Noise is further off than other digits are.
    real = quality.measure_samples(
        make_program(experiment).parts, inputs, find_dataset(data).sample(jax.random.key(3), 32)
    )
    assert measures["sliced_wasserstein"] > real["sliced_wasserstein"]


def test_without_a_classifier_one_line_says_how_to_train_it(monkeypatch, tmp_path, here, capsys):
    from gan_jax.cli import main

    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path / "empty"))
    arguments = ["train", "--preset", "mnist", "--classifier-measures", "--steps", "10"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "gan-jax classifier mnist" in error and error.count("\n") == 1
    assert not (here / "results").exists()


def test_without_the_files_one_line_says_what_to_put_where(monkeypatch, tmp_path, here, capsys):
    from gan_jax.cli import main

    monkeypatch.setenv("GAN_JAX_DATA", "")
    assert main(["train", "--preset", "mnist", "--data-dir", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert "train-images-idx3-ubyte.gz" in error and error.count("\n") == 1
    assert not (here / "results").exists()


def test_digits_pass_in_shuffled_order():
    from gan_jax.game.draws import draw_batches
    from gan_jax.game.program import make_program

    fields = {"n_train": 24, "batch_order": "shuffled", "evaluation_samples": 8}
    program = make_program(gan_jax.Experiment(**TINY, **fields, data="mnist"))
    seen = [draw_batches(*program, gan_jax.seed_key(0), step)[0].x_real for step in range(6)]
    images = np.concatenate([np.asarray(x)[0] for x in seen])  # 4 real ones a step
    assert len(np.unique(images.reshape(24, -1), axis=0)) == 24
