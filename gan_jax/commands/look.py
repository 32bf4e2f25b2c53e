"""The commands that look: `gan-jax spectrum`, `summary` and `list`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from textwrap import fill
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from gan_jax.catalogue import CATALOGUE
from gan_jax.commands.flags import ExperimentFlags, Preset, use_data_dir, watch
from gan_jax.presets import PRESETS

WIDTH, NO_BREAK = 100, "\u00a0"


@dataclasses.dataclass(kw_only=True)
class Spectrum:
    """Eigenvalues of every seed's game at the kept moments of a study: a table and a figure.

    A Jacobian a seed and moment: seconds for networks of hundreds of parameters, minutes for
    thousands.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """The folder of a finished compare, study or train."""
    batch_size: int | None = None
    """Size of the fixed batch that defines the vector field; the training's if unset."""

    data_dir: Path | None = None
    """Where the files of image data are; by default GAN_JAX_DATA, else the user's cache."""

    def run(self) -> None:
        use_data_dir(self.data_dir)
        watch().show_spectra(self.run_folder, self.batch_size)


@dataclasses.dataclass(kw_only=True)
class Summary:
    """Both networks of an experiment as tables: layers, shapes, numbers of parameters."""

    preset: Preset = "parabola"
    """Take the other flags' defaults from a preset: see `gan-jax list presets`."""
    experiment: OmitArgPrefixes[ExperimentFlags] = dataclasses.field(
        default_factory=ExperimentFlags.of_preset
    )

    def run(self) -> None:
        experiment = self.experiment.experiment()  # refused before JAX is loaded
        from gan_jax.reports.networks import print_networks

        print_networks(experiment)


@dataclasses.dataclass(kw_only=True)
class List:
    """List what can be chosen: names, what they mean, and where they come from."""

    what: Positional[
        Literal[
            "presets",
            "losses",
            "penalties",
            "data",
            "networks",
            "activations",
            "initializations",
            "normalizations",
            "updates",
            "optimizers",
            "schedules",
        ]
    ]
    """Which registry."""

    def run(self) -> None:
        if self.what == "presets":
            list_presets()
            return
        entries = CATALOGUE[self.what].entries
        names = max(map(len, entries))
        summaries = max(len(entry.summary) for entry in entries.values())
        for name, entry in entries.items():
            print(f"{name:{names}}  {entry.summary:{summaries}}  {entry.source}")
        if CATALOGUE[self.what].legend:
            print(f"\n{CATALOGUE[self.what].legend}")


def list_presets() -> None:
    """Print each preset's name and what it changes of `Experiment`'s defaults."""
    for name, fields in PRESETS.items():
        # No-break spaces: a field and its value stay in one line.
        changes = [f"{field}={value}".replace(" ", NO_BREAK) for field, value in fields.items()]
        text = " ".join(changes) or "the defaults"
        lines = fill(text, WIDTH, initial_indent=f"{name:12} ", subsequent_indent=" " * 13)
        print(lines.replace(NO_BREAK, " "))
