"""A user's own array, from the command line to a generator that outlives it."""

import numpy as np
import pytest

import gan_jax
from gan_jax.analysis import quality
from gan_jax.cli import main

QUICK = ["--steps", "20", "--log-every", "1", "--batch-size", "16", "--evaluation-samples", "32"]


def test_points_train_and_their_generator_needs_no_file(here, capsys):
    rows = np.random.default_rng(0).uniform([3, -1], [5, 7], (400, 2))
    np.save("x.npy", rows)
    flags = ["--data-scaling", "--generator-output", "tanh"]
    assert main(["train", "--data", "x.npy", *QUICK, *flags]) == 0
    assert "neighbour precision" in capsys.readouterr().out
    before = gan_jax.load_generator("results/train")
    z = np.ones((50, before.latent_dim), np.float32)
    x = np.asarray(before(z))
    # Another array under its name is not exported with, nor continued.
    np.save("x.npy", rows + 1)
    for file in (here / "results/train/generators/non_saturating").iterdir():
        file.rename(here / "alone.safetensors")
    for arguments in (
        ["sample", "results/train", "--out", "no.npz"],
        ["train", "--data", "x.npy", *QUICK, *flags],
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert "another data x.npy (SHA-256" in error and error.count("\n") == 1
    (here / "x.npy").unlink()
    after = gan_jax.load_generator("alone.safetensors")
    np.testing.assert_array_equal(after(z), x)
    assert "x.npy" not in gan_jax.DATASETS
    (here / "alone.safetensors").rename(file)
    # In data units: tanh keeps within the training rows' range.
    assert (x >= rows.min(axis=0) - 1e-5).all() and (x <= rows.max(axis=0) + 1e-5).all()
    assert main(["sample", "results/train", "-n", "10", "--out", "new.npz"]) == 0
    assert np.load("new.npz")["x"].shape == (10, 2)
    assert main(["train", "--data", "x.npy", *QUICK, "--out", "again"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("rows", "flags", "shape"),
    [
        (np.random.default_rng(1).integers(0, 256, (300, 8, 8), np.uint8), (), (8, 8, 1)),
        (
            np.random.default_rng(2).normal(size=(300, 6, 1)),
            ("--generator", "gru", "--discriminator", "gru"),
            (6,),
        ),
    ],
    ids=["images", "sequences"],
)
def test_images_and_sequences_are_told_by_their_shape(here, rows, flags, shape):
    np.save("x.npy", rows)
    assert main(["train", "--data", "x.npy", *QUICK, "--evaluation-samples", "30", *flags]) == 0
    assert gan_jax.load_generator("results/train").shape == shape
    results = gan_jax.load_results("results/train")
    assert results.attrs["kind"] == ("images" if len(shape) == 3 else "sequences")
    assert results["samples_real"].shape == (30, *shape)
    assert (here / "results/train/figures/animation.gif").exists()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.full((200, 2), np.nan), "x.npy"),
        (np.array([{"a": 1}] * 200), "x.npy"),
        (np.arange(60.0).reshape(30, 2), "evaluation_samples"),
        (np.arange(24.0).reshape(12, 2), "batch_size"),
        (np.ones((400, 2)), "every row of x.npy is the same"),
    ],
    ids=["not finite", "objects", "few for evaluations", "few for a batch", "constant"],
)
def test_what_cannot_be_trained_on_is_one_line_and_nothing_is_written(here, capsys, rows, words):
    np.save("x.npy", rows, allow_pickle=True)
    assert main(["train", "--data", "x.npy", *QUICK]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not (here / "results").exists()


def test_the_held_out_rows_are_never_trained_on(here):
    np.save("x.npy", np.arange(100, dtype=np.float32)[:, None])
    fields = {"data": "x.npy", "batch_size": 16, "evaluation_samples": 10}
    experiment = gan_jax.Experiment(**fields)
    from gan_jax.game.program import make_program

    trained_on = np.asarray(make_program(experiment).training_set.x)[:, 0]
    evaluated = quality.samples_real(experiment)[:, 0]
    np.testing.assert_array_equal(np.sort([*trained_on, *evaluated]), np.arange(100))
