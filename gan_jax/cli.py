"""The command line: parse, call, print. Every flag of a training is a field of `Experiment`.

JAX is imported by the commands that train, when they do: help and mistakes answer at once.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from tyro.conf import OmitArgPrefixes, Positional, Suppress, arg

from gan_jax.catalogue import CATALOGUE
from gan_jax.config import FIELDS, Experiment
from gan_jax.fields import ConfigError

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.studies.study import Study
    from gan_jax.training.loop import Segment

MOST_TRAINED = 8  # seeds of `gan-jax train`: a row of pictures each


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentFlags(Experiment):
    """An experiment's fields as flags, validated only when `experiment` makes one of them."""

    def __post_init__(self) -> None:
        pass

    def experiment(self, **overrides: Any) -> Experiment:
        """The experiment these flags describe."""
        return Experiment(**({name: getattr(self, name) for name in FIELDS} | overrides))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ComparisonFlags(ExperimentFlags):
    """The same without `--loss`: a comparison has `--losses`."""

    loss: Suppress[str] = Experiment.loss


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
    out: Path = Path("results/compare")
    """The study's folder. The same study in it is continued; another is never overwritten."""
    experiment: OmitArgPrefixes[ComparisonFlags] = dataclasses.field(
        default_factory=ComparisonFlags
    )

    def run(self) -> None:
        from gan_jax.studies.study import Study

        if len(set(self.losses)) < len(self.losses):
            raise ConfigError(f"losses: {' '.join(self.losses)} given, expected each once")
        if not self.losses:
            raise ConfigError("losses: none given, expected at least one")
        variants = {loss: {"loss": loss} for loss in self.losses}
        base = self.experiment.experiment(loss=self.losses[0])
        study = Study("compare", base, variants, parse_seeds(self.seeds), self.lanes)
        run_and_report(study, self.out)


@dataclasses.dataclass(kw_only=True)
class RunStudy:
    """Run a study file: a base experiment, its variants, and their seeds."""

    file: Positional[Path]
    """YAML: name, seeds, variants and, if not the defaults, base, lanes, criteria."""
    out: Path | None = None
    """The study's folder; results/NAME by default. The same study in it is continued."""

    def run(self) -> None:
        from gan_jax.studies.files import read_yaml
        from gan_jax.studies.study import Study

        try:
            study = Study.from_dict(read_yaml(self.file))
        except ConfigError as error:
            message = str(error)
            named = message.startswith(str(self.file))
            raise ConfigError(message if named else f"{self.file}: {message}") from None
        run_and_report(study, self.out or Path("results") / study.name)


@dataclasses.dataclass(kw_only=True)
class Train:
    """Train one or a few seeds of one experiment, with a look at the samples every so often."""

    seeds: Seeds = "1"
    """How many seeds (0 to N - 1), or which, separated by commas."""
    check_every: int = 2000
    """Look at samples and accuracies every so many steps: a multiple of 10 log_every."""
    out: Path = Path("results/train")
    """The run's folder. The same run in it is continued; another is never overwritten."""
    experiment: OmitArgPrefixes[ExperimentFlags] = dataclasses.field(
        default_factory=ExperimentFlags
    )

    def run(self) -> None:
        from gan_jax.reports.checks import Snapshots, check_table
        from gan_jax.studies.study import Study

        experiment = self.experiment.experiment()
        study = Study("train", experiment, {experiment.loss: {}}, parse_seeds(self.seeds))
        if len(study.seeds) > MOST_TRAINED:
            raise ConfigError(
                f"seeds: {self.seeds} given, expected at most {MOST_TRAINED} (or gan-jax compare)"
            )
        snapshots = Snapshots(experiment, self.check_every)
        results = run_visibly(study, self.out, snapshots)
        console().print(check_table(results, snapshots.steps))
        if path := snapshots.save(results, self.out):
            print(path)


@dataclasses.dataclass(kw_only=True)
class List:
    """List what can be chosen: names, what they mean, and where they come from."""

    what: Positional[Literal["losses", "data", "networks", "activations", "updates", "optimizers"]]
    """Which registry."""

    def run(self) -> None:
        entries = CATALOGUE[self.what].entries
        names = max(map(len, entries))
        summaries = max(len(entry.summary) for entry in entries.values())
        for name, entry in entries.items():
            print(f"{name:{names}}  {entry.summary:{summaries}}  {entry.source}")


COMMANDS = (
    Annotated[Compare, tyro.conf.subcommand("compare")]
    | Annotated[RunStudy, tyro.conf.subcommand("study")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[List, tyro.conf.subcommand("list")]
)


def parse_seeds(text: str) -> int | tuple[int, ...]:
    """Read "64" as a count, "3,5,8" (or "3,") as the seeds themselves."""
    try:
        numbers = [int(part) for part in text.removesuffix(",").split(",")]
    except ValueError:
        raise ConfigError(
            f"seeds: {text!r} given, expected a count or numbers such as 3,5,8"
        ) from None
    return tuple(numbers) if "," in text else numbers[0]


def console() -> Any:
    """A rich console on standard output."""
    from rich.console import Console

    return Console()


def run_visibly(
    study: Study, out: Path, observer: Callable[[str, Segment], None] | None = None
) -> xr.Dataset:
    """Run what is missing of a study, showing progress."""
    from gan_jax.studies.engines import open_folder, run_study
    from gan_jax.studies.results import cells, missing_cells
    from gan_jax.training.seeds import use_all_cores

    use_all_cores()
    open_folder(study, out)
    todo = missing_cells(study, out)
    if not todo:
        print(f"{out}: complete, nothing to run")
        return run_study(study, out)
    if len(todo) < len(cells(study)):
        print(f"{out}: continuing, {len(todo)} of {len(cells(study))} cells to run")

    from gan_jax.reports.terminal import TrainingProgress

    steps = study.first_experiment().total_steps
    with TrainingProgress(
        console(), steps * sum(len(cell.seeds) for cell in todo), steps
    ) as progress:

        def observe(variant: str, segment: Segment) -> None:
            progress(variant, segment)
            if observer is not None:
                observer(variant, segment)

        return run_study(study, out, observer=observe)


def run_and_report(study: Study, out: Path) -> None:
    """Run a study, print its table, draw its figures, and say where everything is."""
    results = run_visibly(study, out)

    from gan_jax.reports.figures import save_figures
    from gan_jax.reports.html import write_report
    from gan_jax.reports.terminal import summary_table
    from gan_jax.studies.results import RESULTS_FILE, SEEDS_FILE, STUDY_FILE
    from gan_jax.studies.summary import summarize

    one = study.first_experiment()
    title = f"{study.name}: {one.data}, {one.total_steps:,} steps"
    console().print(summary_table(summarize(results), title, results.attrs["quality"]))
    written = [out / name for name in (RESULTS_FILE, SEEDS_FILE, STUDY_FILE)]
    for path in [*written, *save_figures(results, out), write_report(results, out)]:
        print(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 for a failure, 2 for a mistake, 130 for Ctrl-C."""
    try:
        tyro.cli(COMMANDS, prog="gan-jax", description=DESCRIPTION, args=arguments).run()
    except ConfigError as error:
        print(f"gan-jax: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "gan-jax: interrupted; finished cells are kept, the same command continues",
            file=sys.stderr,
        )
        return 130
    except OSError as error:
        print(f"gan-jax: {error}", file=sys.stderr)
        return 1
    return 0


DESCRIPTION = "A laboratory for the stability of GAN training: many seeds, rates with intervals."
