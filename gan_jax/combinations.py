"""Which combinations of an experiment's fields cannot mean anything, and why.

Each check looks at fields that are fine by themselves; it raises a `ConfigError` of one line that
says what contradicts what, and the nearest set-up that means something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_jax.catalogue import CATALOGUE
from gan_jax.fields import ConfigError

if TYPE_CHECKING:
    from gan_jax.config import Experiment, Static


def check_combinations(experiment: Experiment) -> None:
    """Refuse what cannot mean anything.

    Raises:
      ConfigError: naming the fields and the reason.
    """
    for check in (
        _networks_know_their_options,
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


def _networks_know_their_options(experiment: Experiment) -> None:
    wanted = {
        "packing": ("discriminator", experiment.packing > 1),
        "spectral_norm": ("discriminator", experiment.spectral_norm),
        "generator_normalization": ("generator", experiment.generator_normalization != "none"),
        "discriminator_normalization": (
            "discriminator",
            experiment.discriminator_normalization != "none",
        ),
    }
    for field, (player, is_on) in wanted.items():
        network = getattr(experiment, player)
        option = field.removeprefix(f"{player}_")
        if is_on and not CATALOGUE["networks"].supports(network, option):
            able = ", ".join(CATALOGUE["networks"].supporting(option))
            raise ConfigError(
                f"{field}: {getattr(experiment, field)!r} given, but the {player} {network!r} "
                f"does not take {option}; networks that do: {able}"
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
    if experiment.penalty != "none" and experiment.discriminator_normalization == "batch":
        raise ConfigError(
            f"penalty: {experiment.penalty!r} given, but with discriminator_normalization 'batch' "
            "a logit depends on the whole batch and has no gradient norm of its own sample; "
            "expected 'layer' or 'none'"
        )


def _normalization_has_a_batch(experiment: Experiment) -> None:
    samples = discriminator_samples(experiment)
    counts = {"generator": samples, "discriminator": samples // experiment.packing}
    for player, count in counts.items():
        if getattr(experiment, f"{player}_normalization") == "batch" and count < 2:
            raise ConfigError(
                f"{player}_normalization: 'batch' given, but a discriminator update passes a batch "
                f"of {count}, which has no deviation, expected at least 2"
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
    if experiment.unrolled_learning_rate is not None and experiment.update != "unrolled":
        raise ConfigError(
            f"unrolled_learning_rate: {experiment.unrolled_learning_rate} given, but update "
            f"{experiment.update!r} does not look ahead, expected update 'unrolled'"
        )
