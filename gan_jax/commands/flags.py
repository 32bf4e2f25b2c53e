"""Flags that commands share: the fields of an experiment, seeds, where data and results are."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from tyro.conf import Suppress, arg

from gan_jax.catalogue import CATALOGUE, nearest
from gan_jax.config import FIELDS, Experiment
from gan_jax.fields import ConfigError
from gan_jax.files.images import DATA_VARIABLE
from gan_jax.presets import preset

# The preset whose values are the flags' defaults: `gan-jax` reads --preset before the other flags.
chosen_preset = "parabola"


def choose_preset(arguments: Sequence[str]) -> None:
    """Let --preset NAME, where it is among the arguments, say what the other flags default to.

    Raises:
      ConfigError: when there is no preset of that name.
    """
    global chosen_preset
    chosen_preset = "parabola"
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--preset":
            chosen_preset = value if equals else "".join(arguments[place + 1 : place + 2])
            preset(chosen_preset)


def _preset_fields() -> dict[str, Any]:
    experiment = preset(chosen_preset)
    return {name: getattr(experiment, name) for name in FIELDS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentFlags(Experiment):
    """What is trained, and how: the fields of gan_jax.Experiment."""

    # Flags only: what they say is validated when `experiment` makes an Experiment of it.
    def __post_init__(self) -> None:
        pass

    def experiment(self, **overrides: Any) -> Experiment:
        fields = {name: getattr(self, name) for name in FIELDS}
        # A preset's steps are a default: whoever gives epochs lets go of them.
        if self.epochs is not None and self.steps == _preset_fields()["steps"]:
            fields["steps"] = None
        return Experiment(**(fields | overrides))

    @classmethod
    def of_preset(cls) -> Self:
        """The chosen preset's values: what the flags default to."""
        return cls(**_preset_fields())


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonFlags(ExperimentFlags):
    """What all losses share: the fields of gan_jax.Experiment."""

    loss: Suppress[str] = Experiment.loss

    def compared(self, losses: Sequence[str]) -> tuple[Experiment, dict[str, dict[str, Any]]]:
        """The base of a comparison, and its variants: each loss with those parameters it has."""
        known = {loss: CATALOGUE["losses"].parameters(loss) for loss in losses}
        for name in self.loss_parameters:
            if not any(name in parameters for parameters in known.values()):
                has = nearest(name, sorted({name for each in known.values() for name in each}))
                raise ConfigError(f"loss_parameters: {name!r} given, which no loss has; {has}")
        variants: dict[str, dict[str, Any]] = {loss: {"loss": loss} for loss in losses}
        for loss, parameters in known.items():
            given = {name: x for name, x in self.loss_parameters.items() if name in parameters}
            if given:
                variants[loss]["loss_parameters"] = given
        return self.experiment(loss=losses[0], loss_parameters={}), variants


Seeds = Annotated[str, arg(metavar="N|A,B,...")]
Preset = Annotated[str, arg(metavar="NAME")]


def use_data_dir(folder: Path | None) -> None:
    """Let image files be looked for in a folder, where one is given, for this process."""
    if folder is not None:
        os.environ[DATA_VARIABLE] = str(folder)


def parse_seeds(text: str) -> int | tuple[int, ...]:
    """Read "64" as a count, "3,5,8" (or "3,") as the seeds themselves."""
    try:
        numbers = [int(part) for part in text.removesuffix(",").split(",")]
    except ValueError:
        raise ConfigError(
            f"seeds: {text!r} given, expected a count or numbers such as 3,5,8"
        ) from None
    return tuple(numbers) if "," in text else numbers[0]


def watch() -> Any:
    """What runs a study before a user's eyes; it loads JAX, so only once the study is valid."""
    from gan_jax.reports import watched

    return watched
