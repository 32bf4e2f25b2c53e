"""Experiment: what is refused and in which words, steps and epochs, the split for the compiler."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest

from gan_jax.config import ConfigError, Experiment, split
from gan_jax.losses import LOSSES, GanLoss
from gan_jax.networks import NETWORKS
from gan_jax.presets import preset


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"loss": "non_saturatin"}, ["non_saturatin", "saturating", "did you mean"]),
        ({"data": "parabole"}, ["parabole", "did you mean 'parabola'"]),
        ({"update": 3}, ["update: 3", "a name"]),
        ({"generator_learning_rate": -1e-3}, ["-0.001", "greater than 0"]),
        ({"generator_learning_rate": float("nan")}, ["nan", "finite"]),
        ({"discriminator_learning_rate": float("inf")}, ["inf", "finite"]),
        ({"discriminator_learning_rate": 10**400}, ["finite number"]),
        ({"discriminator_learning_rate": "fast"}, ["'fast'", "a number"]),
        ({"beta1": 1.0}, ["beta1: 1.0", "below 1 in float32"]),
        ({"batch_size": 7}, ["batch_size: 7", "even", "'full'"]),
        ({"batch_size": 0}, ["batch_size: 0", "from 1"]),
        ({"batch_size": 2**31}, ["batch_size", "2147483647"]),
        ({"batch_size": 64.0}, ["64.0", "a whole number"]),
        ({"steps": True}, ["True", "a whole number"]),
        ({"generator_hidden": (15, 0)}, ["(15, 0)", "from 1"]),
        ({"generator_hidden": "15"}, ["'15'", "list of whole numbers"]),
        ({"discriminator_batch": "half"}, ["'half'", "'halves' or 'full'"]),
        ({"steps": 10, "epochs": 2, "n_train": 256}, ["steps and epochs", "one of them"]),
        ({"epochs": 2}, ["epochs", "n_train"]),
        ({"n_train": 100}, ["n_train: 100", "at least one batch (128)"]),
        ({"loss_parameters": {"alpha": 1.0}}, ["'alpha'", "'non_saturating' has none"]),
        ({"loss_parameters": {"alpha": float("nan")}}, ["finite numbers by name"]),
        ({"loss_parameters": {"alpha": 1e39}}, ["finite numbers by name"]),
        ({"n_train": 2**30, "epochs": 2**30}, ["steps in so many epochs", "2147483647"]),
        ({"evaluation_samples": 3}, ["evaluation_samples: 3", "even"]),
        ({"spectral_norm": 1}, ["spectral_norm: 1", "True or False"]),
        ({"penalty": "r1r2"}, ["'r1r2'", "did you mean 'r1_r2'"]),
        ({"penalty_weight": -1}, ["penalty_weight: -1", "from 0 on"]),
        ({"weight_clip": 0}, ["weight_clip: 0", "greater than 0"]),
        ({"label_smoothing": 0.6}, ["label_smoothing: 0.6", "from 0 to 0.5"]),
        ({"generator_ema": 1}, ["generator_ema: 1", "below 1"]),
        ({"instance_noise": float("nan")}, ["instance_noise: nan", "finite"]),
        ({"learning_rate_schedule": "cosin"}, ["did you mean 'cosine'"]),
        ({"generator_dropout": 1.0}, ["generator_dropout: 1.0", "0.99"]),
        ({"batch_order": "sorted"}, ["'random' or 'shuffled'"]),
        ({"data": "nowhere.npy"}, ["nowhere.npy"]),
        ({"data": "x.csv"}, ["'x.csv' given", "x.npy"]),
        # Combinations that cannot mean anything, each with its reason.
        ({"generator": "convolutional"}, ["takes images, but parabola is points", "'dense'"]),
        ({"discriminator": "gru"}, ["takes sequences, but parabola is points"]),
        (
            {"data": "mnist", "generator": "convolutional", "generator_hidden": (8, 8, 8)},
            ["3 layers", "28 x 28 can be halved 2 times", "1 to 2"],
        ),
        ({"data": "sine_waves", "generator": "gru", "generator_hidden": ()}, ["at least one"]),
        ({"data": "dirac", "data_scaling": True}, ["no known range", "parabola"]),
        ({"data": "quadratic", "generator_output": "tanh"}, ["within -1 .. 1", "data_scaling"]),
        ({"batch_order": "shuffled"}, ["drawn fresh", "expected n_train"]),
        ({"classifier_measures": True}, ["no classifier for parabola", "stacked_mnist"]),
        ({"data": "mnist", "n_train": 70_000}, ["mnist has 60000 rows"]),
        ({"data": "mnist", "evaluation_samples": 10_002}, ["holds out 10000", "up to 10000"]),
        ({"initial_deviation": 0.1}, ["'he_uniform' has its own", "'orthogonal' or 'normal'"]),
        ({"discriminator_statistics": "together"}, ["no batch statistics", "'batch'"]),
        (
            {"data": "sine_waves", "generator": "lstm", "generator_activation": "tanh"},
            ["does not take activation"],
        ),
        (
            {"data": "sine_waves", "discriminator": "gru", "discriminator_activation": "maxout"},
            ["does not take maxout", "dense"],
        ),
        ({"discriminator": "dirac", "packing": 2}, ["'dirac' does not take packing", "dense"]),
        ({"discriminator": "dirac", "spectral_norm": True}, ["does not take spectral_norm"]),
        ({"generator": "dirac", "generator_normalization": "batch"}, ["the generator 'dirac'"]),
        ({"packing": 3}, ["packing: 3", "64", "a multiple"]),
        ({"packing": 64, "evaluation_samples": 96}, ["packing: 64", "96", "a multiple"]),
        (
            {"penalty": "r1", "discriminator_normalization": "batch"},
            ["penalty: 'r1'", "depends on the whole batch", "'layer' or 'none'"],
        ),
        (
            {"loss": "relativistic_average", "batch_size": 2},
            ["1 logit", "expected at least 2", "'relativistic'"],
        ),
        (
            {"loss": "relativistic_average_hinge", "batch_size": 8, "packing": 4},
            ["1 logit", "no average"],
        ),
        (
            {"discriminator_normalization": "batch", "batch_size": 2},
            ["discriminator_normalization: 'batch'", "a batch of 1"],
        ),
        ({"loss": "hinge", "label_smoothing": 0.1}, ["'hinge' has no labels", "least_squares"]),
        ({"instance_noise_steps": 9}, ["no instance_noise to decay", "expected both"]),
        ({"unrolled_learning_rate": 0.1}, ["does not look ahead", "'unrolled'"]),
        ({"update": "phased", "discriminator_steps": 2}, ["phase_steps", "expected 1"]),
        (
            {"update": "optimistic", "optimizer": "optimistic_adam"},
            ["extrapolates already", "expected 'adam'"],
        ),
        (
            {"loss": "alpha_saturating", "loss_parameters": {"alpha_d": 0}},
            ["alpha_d: 0.0", "greater than 0"],
        ),
        (
            {"loss": "alpha_saturating", "loss_parameters": {"alpha": 1}},
            ["'alpha'", "choices: alpha_d, alpha_g"],
        ),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(fields, words):
    with pytest.raises(ConfigError) as refusal:
        Experiment(**fields)
    message = str(refusal.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_registered_network_declares_what_it_supports(registered):
    def plain(spec):
        return NETWORKS["dense"](spec)

    registered(NETWORKS, "plain", plain)
    with pytest.raises(ConfigError, match="'plain' does not take packing; networks that do: dense"):
        Experiment(discriminator="plain", packing=2)
    plain.supports = ("packing",)
    assert Experiment(discriminator="plain", packing=2).packing == 2


def test_whoever_changes_the_loss_lets_go_of_the_parameters_the_new_one_lacks():
    alpha = Experiment(loss="alpha_saturating", loss_parameters={"alpha_d": 0.5})
    assert alpha.all_loss_parameters() == {"alpha_d": 0.5, "alpha_g": 1.0}
    assert alpha.replace(loss="alpha_non_saturating").loss_parameters == {"alpha_d": 0.5}
    assert alpha.replace(loss="saturating").loss_parameters == {}
    with pytest.raises(ConfigError, match="'saturating' has none"):
        alpha.replace(loss="saturating", loss_parameters={"alpha_d": 0.5})


def test_an_odd_batch_is_fine_where_no_halves_are_needed():
    assert Experiment(batch_size=7, discriminator_batch="full").batch_size == 7


def test_an_unknown_field_or_preset_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'batch_size'"):
        Experiment().replace(batchsize=3)
    with pytest.raises(ConfigError, match="did you mean 'parabola'"):
        preset("parabol")


def test_the_parabola_preset_is_the_published_set_up():
    experiment = preset("parabola")
    assert experiment.generator_hidden == (15,) and experiment.discriminator_hidden == (25,)
    assert (experiment.latent_dim, experiment.batch_size, experiment.total_steps) == (
        5,
        128,
        10_000,
    )
    assert (experiment.generator_learning_rate, experiment.beta1, experiment.beta2) == (
        1e-3,
        0.9,
        0.999,
    )


def test_steps_from_epochs_drop_the_incomplete_batch():
    # 100 samples, batch 10, 500 epochs: 5,000 steps; 109 samples make no more batches.
    for n_train in (100, 109):
        experiment = Experiment(n_train=n_train, batch_size=10, epochs=500)
        assert experiment.total_steps == 5_000


def test_whoever_changes_epochs_lets_go_of_steps_and_the_reverse():
    by_epochs = Experiment(steps=7).replace(n_train=256, epochs=3)
    assert by_epochs.total_steps == 6
    assert by_epochs.replace(steps=9).total_steps == 9


def test_to_dict_is_plain_and_restores_the_experiment():
    experiment = Experiment(generator_hidden=[3, 4], beta1=np.float64(0.5), steps=np.int64(3))
    plain = experiment.to_dict()
    assert plain["generator_hidden"] == [3, 4]
    assert type(plain["beta1"]) is float and type(plain["steps"]) is int
    assert Experiment(**plain) == experiment


def test_only_static_fields_shape_the_program():
    one, leaves = split(Experiment())
    other, _ = split(Experiment(generator_learning_rate=0.1, beta1=0.0, steps=3, log_every=7))
    assert one == other and hash(one) == hash(other)
    assert split(Experiment(batch_size=64))[0] != one
    numbers = [x for x in leaves if x is not None and not isinstance(x, dict)]
    assert len(numbers) > 5 and all(leaf.dtype == np.float32 for leaf in numbers)


def test_records_are_a_hundredth_of_all_steps_unless_said():
    assert Experiment().record_every == 100
    assert Experiment(steps=30).record_every == 1
    assert Experiment(steps=30, log_every=7).record_every == 7


def test_a_replaced_built_in_loss_brings_its_own_parameters(monkeypatch):
    plain = LOSSES["saturating"]
    monkeypatch.setitem(LOSSES, "saturating", plain._replace(parameters={"a": 1.0}))
    assert Experiment(loss="saturating", loss_parameters={"a": 2}).loss_parameters == {"a": 2.0}


def test_an_experiment_is_frozen_hashable_and_copies(registered):
    plain = LOSSES["saturating"]
    registered(LOSSES, "mine", GanLoss(plain.discriminator, plain.generator, {"a": 1.0}))
    experiment = Experiment(loss="mine", loss_parameters={"a": 2.0})
    for again in (copy.deepcopy(experiment), pickle.loads(pickle.dumps(experiment))):
        assert again == experiment and hash(again) == hash(experiment)
    assert dataclasses.asdict(experiment)["loss_parameters"] == {"a": 2.0}
    with pytest.raises(TypeError, match="never mutated"):
        experiment.loss_parameters["a"] = 3.0


def test_loss_parameters_override_the_defaults_of_a_registered_loss(registered):
    plain = LOSSES["saturating"]
    registered(LOSSES, "mine", GanLoss(plain.discriminator, plain.generator, {"a": 1.0, "b": 2.0}))
    experiment = Experiment(loss="mine", loss_parameters={"b": 5})
    assert split(experiment)[1].loss_parameters == {"a": 1.0, "b": 5.0}
    with pytest.raises(ConfigError, match="choices: a, b"):
        Experiment(loss="mine", loss_parameters={"c": 1.0})


def test_configuration_does_not_load_jax():
    code = "import sys, gan_jax; gan_jax.Experiment(); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
