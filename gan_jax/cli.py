"""The command line: parse, call, print. Every flag of a training is a field of `Experiment`.

JAX is imported by the commands that train, when they do: help and mistakes answer at once.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import OmitArgPrefixes, Positional, Suppress, arg

from gan_jax.catalogue import CATALOGUE, nearest
from gan_jax.config import FIELDS, Experiment
from gan_jax.fields import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentFlags(Experiment):
    """What is trained, and how: the fields of gan_jax.Experiment."""

    # Flags only: what they say is validated when `experiment` makes an Experiment of it.
    def __post_init__(self) -> None:
        pass

    def experiment(self, **overrides: Any) -> Experiment:
        return Experiment(**({name: getattr(self, name) for name in FIELDS} | overrides))


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


@dataclasses.dataclass(kw_only=True)
class Compare:
    """Compare losses on one data set: the same seeds for each, rates with intervals, figures."""

    losses: tuple[str, ...] = ("saturating", "non_saturating")
    """Losses to compare: names of `gan-jax list losses`."""
    seeds: Seeds = "64"
    """How many seeds a loss (0 to N - 1), or which, separated by commas."""
    lanes: int | None = None
    """Seeds in one vmap on one device; by default chosen from the number of seeds."""
    moments: int = 3
    """Moments of training at which whole states are kept, for `gan-jax spectrum`; 0 keeps none."""
    out: Path = Path("results/compare")
    """The study's folder. The same study in it is continued; another is never overwritten."""
    experiment: OmitArgPrefixes[ComparisonFlags] = dataclasses.field(
        default_factory=ComparisonFlags
    )

    def run(self) -> None:
        from gan_jax.studies.study import Study

        losses = [name for given in self.losses for name in given.split(",") if name]
        if not losses:
            raise ConfigError("losses: none given, expected at least one")
        if len(set(losses)) < len(losses):
            raise ConfigError(f"losses: {' '.join(losses)} given, expected each once")
        base, variants = self.experiment.compared(losses)
        seeds = parse_seeds(self.seeds)
        study = Study("compare", base, variants, seeds, self.lanes, moments=self.moments)
        watch().run_and_report(study, self.out)


@dataclasses.dataclass(kw_only=True)
class RunStudy:
    """Run a study file: a base experiment, its variants, and their seeds."""

    file: Positional[Path]
    """YAML: name, seeds, variants and, if not the defaults, base, lanes, criteria, moments."""
    out: Path | None = None
    """The study's folder; results/NAME by default. The same study in it is continued."""

    def run(self) -> None:
        from gan_jax.studies.files import read_yaml
        from gan_jax.studies.study import Study

        document = read_yaml(self.file)
        try:
            study = Study.from_dict(document)
        except ConfigError as error:
            raise ConfigError(f"{self.file}: {error}") from None
        watch().run_and_report(study, self.out or Path("results") / study.name)


@dataclasses.dataclass(kw_only=True)
class Train:
    """Train one or a few seeds of one experiment, with a look at the samples every so often."""

    seeds: Seeds = "1"
    """How many seeds (0 to N - 1), or which, separated by commas."""
    check_every: int | None = None
    """Look at samples and accuracies every so many steps, a multiple of 10 log_every."""
    moments: int = 3
    """Moments of training at which whole states are kept, for `gan-jax spectrum`; 0 keeps none."""
    out: Path = Path("results/train")
    """The run's folder. The same run in it is continued; another is never overwritten."""
    experiment: OmitArgPrefixes[ExperimentFlags] = dataclasses.field(
        default_factory=ExperimentFlags
    )

    def run(self) -> None:
        from gan_jax.reports import checks
        from gan_jax.studies.study import Study

        experiment = self.experiment.experiment()
        check_every = self.check_every
        if experiment.log_every is None:
            check_every = checks.CHECK_EVERY if check_every is None else check_every
            experiment = experiment.replace(log_every=checks.fitting_log_every(check_every))
        elif check_every is None:
            check_every = checks.fitting_check_every(experiment.log_every)
        variants, seeds = {experiment.loss: {}}, parse_seeds(self.seeds)
        study = Study("train", experiment, variants, seeds, moments=self.moments)
        if len(study.seeds) > MOST_TRAINED:
            raise ConfigError(
                f"seeds: {self.seeds} given, expected at most {MOST_TRAINED} (or gan-jax compare)"
            )
        snapshots = checks.Snapshots(experiment, check_every)
        watch().show_checks(study, self.out, snapshots)


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

    def run(self) -> None:
        watch().show_spectra(self.run_folder, self.batch_size)


@dataclasses.dataclass(kw_only=True)
class List:
    """List what can be chosen: names, what they mean, and where they come from."""

    what: Positional[
        Literal[
            "losses",
            "penalties",
            "data",
            "networks",
            "activations",
            "normalizations",
            "updates",
            "optimizers",
            "schedules",
        ]
    ]
    """Which registry."""

    def run(self) -> None:
        entries = CATALOGUE[self.what].entries
        names = max(map(len, entries))
        summaries = max(len(entry.summary) for entry in entries.values())
        for name, entry in entries.items():
            print(f"{name:{names}}  {entry.summary:{summaries}}  {entry.source}")
        if CATALOGUE[self.what].legend:
            print(f"\n{CATALOGUE[self.what].legend}")


COMMANDS = (
    Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[RunStudy, tyro.conf.subcommand("study")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Spectrum, tyro.conf.subcommand("spectrum")]
    | Annotated[List, tyro.conf.subcommand("list")]
)
DESCRIPTION = "A laboratory for the stability of GAN training: many seeds, rates with intervals."
MOST_TRAINED = 8  # seeds of `gan-jax train`: a row of pictures each
FAILED, MISTAKEN, INTERRUPTED = 1, 2, 130  # exit codes


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


def flags(command: Any) -> list[str]:
    """Every flag of a command."""
    names = [field.name for field in dataclasses.fields(command) if field.name != "experiment"]
    if isinstance(command, Compare | Train):
        names += [name for name in FIELDS if (name != "loss" or isinstance(command, Train))]
    return ["--" + name.replace("_", "-") for name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 for a failure, 2 for a mistake, 130 for Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"gan-jax {version('gan-jax')}")
        return 0
    try:
        command, unknown = tyro.cli(
            COMMANDS,
            prog="gan-jax",
            description=DESCRIPTION,
            args=arguments,
            return_unknown_args=True,
        )
        if unknown:
            raise ConfigError(
                f"{unknown[0]!r} is no flag here; {nearest(unknown[0], flags(command))}"
            )
        command.run()
    except ConfigError as error:
        print(f"gan-jax: {error}", file=sys.stderr)
        return MISTAKEN
    except KeyboardInterrupt as interrupt:
        print(f"gan-jax: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain again when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        print(f"gan-jax: {error}", file=sys.stderr)
        return FAILED
    return 0
