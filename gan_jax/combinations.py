"""Which combinations of an experiment's fields cannot mean anything, and why.

Each check looks at fields that are fine by themselves; it raises a `ConfigError` of one line that
says what contradicts what, and the nearest set-up that means something.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gan_jax.catalogue import CATALOGUE
from gan_jax.data_facts import COLLECTION_OF
from gan_jax.fields import ConfigError

if TYPE_CHECKING:
    from gan_jax.config import Experiment, Static

PLAYERS = ("generator", "discriminator")


def check_combinations(experiment: Experiment) -> None:
    """Refuse what cannot mean anything.

    Raises:
      ConfigError: naming the fields and the reason.
    """
    for check in (
        _networks_know_their_options,
        _networks_take_the_data,
        _data_have_what_is_asked,
        _batches_make_whole_packs,
        _losses_have_what_they_need,
        _penalties_see_each_sample,
        _normalization_has_a_batch,
        _updates_are_themselves,
        _settings_have_their_subject,
    ):
        check(experiment)


def discriminator_samples(experiment: Static) -> int:
    """Real samples (and as many fakes) that one discriminator update sees."""
    halves = experiment.discriminator_batch == "halves"
    return experiment.batch_size // 2 if halves else experiment.batch_size


def _has_batch_statistics(experiment: Experiment, player: str) -> bool:
    name = getattr(experiment, f"{player}_normalization")
    return CATALOGUE["normalizations"].supports(name, "batch_statistics")


def _networks_know_their_options(experiment: Experiment) -> None:
    wanted = {
        "packing": ("discriminator", experiment.packing > 1),
        "spectral_norm": ("discriminator", experiment.spectral_norm),
        "generator_output": ("generator", experiment.generator_output != "linear"),
    }
    for player in PLAYERS:
        for field, default in (("normalization", "none"), ("dropout", None)):
            name = f"{player}_{field}"
            wanted[name] = (player, getattr(experiment, name) != default)
    for field, (player, is_on) in wanted.items():
        _check_support(experiment, field, player, is_on, field.removeprefix(f"{player}_"))
    for player in PLAYERS:
        is_on = experiment.initialization != "he_uniform"
        _check_support(experiment, "initialization", player, is_on)
        activation = getattr(experiment, f"{player}_activation")
        option = "maxout" if activation == "maxout" else "activation"
        _check_support(experiment, f"{player}_activation", player, activation != "relu", option)
    deviation = experiment.initial_deviation
    if deviation is not None and not CATALOGUE["initializations"].supports(
        experiment.initialization, "deviation"
    ):
        able = " or ".join(map(repr, CATALOGUE["initializations"].supporting("deviation")))
        raise ConfigError(
            f"initial_deviation: {deviation} given, but {experiment.initialization!r} has its own, "
            f"expected initialization {able}"
        )


def _check_support(
    experiment: Experiment, field: str, player: str, is_on: bool, option: str | None = None
) -> None:
    network, option = getattr(experiment, player), option or field
    if is_on and not CATALOGUE["networks"].supports(network, option):
        able = ", ".join(CATALOGUE["networks"].supporting(option))
        raise ConfigError(
            f"{field}: {getattr(experiment, field)!r} given, but the {player} {network!r} "
            f"does not take {option}; networks that do: {able}"
        )


def _networks_take_the_data(experiment: Experiment) -> None:
    facts = experiment.data_facts
    for player in PLAYERS:
        network = getattr(experiment, player)
        for kind in ("images", "sequences"):
            if CATALOGUE["networks"].supports(network, kind) and facts.kind != kind:
                raise ConfigError(
                    f"{player}: {network!r} given, which takes {kind}, but {experiment.data} is "
                    f"{facts.kind}; any data go with 'dense'"
                )
        layers = len(getattr(experiment, f"{player}_hidden"))
        recurs, halves = (
            CATALOGUE["networks"].supports(network, option) for option in ("sequences", "halving")
        )
        if recurs and not layers:
            raise ConfigError(f"{player}_hidden: none given, but {network!r} needs at least one")
        if halves and (not layers or any(side % 2**layers for side in facts.shape[:2])):
            height, width = facts.shape[:2]
            most = (math.gcd(height, width) & -math.gcd(height, width)).bit_length() - 1
            raise ConfigError(
                f"{player}_hidden: {layers} layers given, each of which halves the image, but "
                f"{height} x {width} can be halved {most} times only, expected 1 to {most}"
            )


def _data_have_what_is_asked(experiment: Experiment) -> None:
    facts = experiment.data_facts
    if experiment.data_scaling and not facts.scalable:
        able = ", ".join(CATALOGUE["data"].supporting("scaling"))
        raise ConfigError(
            f"data_scaling: True given, but {experiment.data} has no known range; data that have: "
            f"{able}, or a file x.npy"
        )
    if experiment.generator_output == "tanh" and not (experiment.data_scaling or facts.within_one):
        raise ConfigError(
            f"generator_output: 'tanh' given, which stays within -1 .. 1, but {experiment.data} is "
            "not known to, expected data_scaling with it (or 'linear')"
        )
    if experiment.batch_order == "shuffled" and experiment.training_samples is None:
        raise ConfigError(
            "batch_order: 'shuffled' given, but every batch is drawn fresh, expected n_train"
        )
    if facts.held_out is not None and experiment.evaluation_samples > facts.held_out:
        raise ConfigError(
            f"evaluation_samples: {experiment.evaluation_samples} given, but {experiment.data} "
            f"holds out {facts.held_out} rows for evaluations, expected an even number up to "
            f"{facts.held_out // 2 * 2}"
        )
    if experiment.classifier_measures and experiment.data not in COLLECTION_OF:
        raise ConfigError(
            f"classifier_measures: True given, but there is no classifier for {experiment.data}; "
            f"there is for {', '.join(COLLECTION_OF)}"
        )


def _batches_make_whole_packs(experiment: Experiment) -> None:
    packing = experiment.packing
    counts = {
        "samples of each kind in a discriminator batch": discriminator_samples(experiment),
        "samples in a generator batch": experiment.batch_size,
        "evaluation_samples": experiment.evaluation_samples,
    }
    for what, count in counts.items():
        if count % packing:
            raise ConfigError(
                f"packing: {packing} given, but {what} are {count}, expected a multiple of it"
            )


def _losses_have_what_they_need(experiment: Experiment) -> None:
    losses, loss = CATALOGUE["losses"], experiment.loss
    if experiment.label_smoothing is not None and not losses.supports(loss, "label_smoothing"):
        able = ", ".join(losses.supporting("label_smoothing"))
        raise ConfigError(
            f"label_smoothing: {experiment.label_smoothing} given, but {loss!r} has no labels to "
            f"smooth; losses that do: {able}"
        )
    logits = discriminator_samples(experiment) // experiment.packing
    if losses.supports(loss, "batch_average") and logits < 2:
        raise ConfigError(
            f"loss: {loss!r} given, but a discriminator batch of {logits} logit of each kind has "
            "no average apart from it, expected at least 2 (or loss 'relativistic')"
        )


def _penalties_see_each_sample(experiment: Experiment) -> None:
    normalization = experiment.discriminator_normalization
    if experiment.penalty != "none" and _has_batch_statistics(experiment, "discriminator"):
        raise ConfigError(
            f"penalty: {experiment.penalty!r} given, but with discriminator_normalization "
            f"{normalization!r} a logit depends on the whole batch and has no gradient norm of its "
            "own sample; expected 'layer' or 'none'"
        )


def _normalization_has_a_batch(experiment: Experiment) -> None:
    samples = discriminator_samples(experiment)
    counts = {"generator": samples, "discriminator": samples // experiment.packing}
    for player, count in counts.items():
        if _has_batch_statistics(experiment, player) and count < 2:
            normalization = getattr(experiment, f"{player}_normalization")
            raise ConfigError(
                f"{player}_normalization: {normalization!r} given, but a discriminator update "
                f"passes a batch of {count}, which has no deviation, expected at least 2"
            )


def _updates_are_themselves(experiment: Experiment) -> None:
    if experiment.update == "phased" and experiment.discriminator_steps > 1:
        raise ConfigError(
            f"discriminator_steps: {experiment.discriminator_steps} given, but update 'phased' "
            "makes one update of one player a step, expected 1 (phase_steps says how many in turn)"
        )
    if experiment.update == "optimistic" and experiment.optimizer.startswith("optimistic_"):
        plain = experiment.optimizer.removeprefix("optimistic_")
        raise ConfigError(
            f"optimizer: {experiment.optimizer!r} given, but update 'optimistic' extrapolates "
            f"already, expected {plain!r} (or update 'simultaneous')"
        )


def _settings_have_their_subject(experiment: Experiment) -> None:
    if experiment.instance_noise_steps is not None and experiment.instance_noise is None:
        raise ConfigError(
            f"instance_noise_steps: {experiment.instance_noise_steps} given, but there is no "
            "instance_noise to decay, expected both"
        )
    if experiment.discriminator_statistics == "together" and not _has_batch_statistics(
        experiment, "discriminator"
    ):
        raise ConfigError(
            "discriminator_statistics: 'together' given, but the discriminator has no batch "
            "statistics, expected discriminator_normalization 'batch'"
        )
    if experiment.unrolled_learning_rate is not None and experiment.update != "unrolled":
        raise ConfigError(
            f"unrolled_learning_rate: {experiment.unrolled_learning_rate} given, but update "
            f"{experiment.update!r} does not look ahead, expected update 'unrolled'"
        )
