"""The commands that train: `gan-jax compare`, `study` and `train`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from gan_jax.commands.flags import (
    ComparisonFlags,
    ExperimentFlags,
    Preset,
    Seeds,
    parse_seeds,
    use_data_dir,
    watch,
)
from gan_jax.commands.hosts import HostFlags
from gan_jax.fields import ConfigError
from gan_jax.studies.leases import CELL_RETRIES, LEASE
from gan_jax.training.checkpoints import EVERY

if TYPE_CHECKING:
    from gan_jax.studies.study import Study

MOST_TRAINED = 8  # seeds of `gan-jax train`: a row of pictures each


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
    batch_devices: int = 1
    """Devices that share each batch, for a training too large for one; it changes the rounding."""
    out: Path = Path("results/compare")
    """The study's folder. The same study in it is continued; another is never overwritten."""
    preset: Preset = "parabola"
    """Take the other flags' defaults from a preset: see `gan-jax list presets`."""
    data_dir: Path | None = None
    """Where the files of image data are; by default GAN_JAX_DATA, else the user's cache."""
    export: Literal["parquet"] | None = None
    """Also write the results as tables: seeds.parquet and curves.parquet (extra `parquet`)."""
    track: Literal["tensorboard", "wandb"] | None = None
    """Send the first 16 seeds' curves to a tracker while they train (extra `tracking`)."""
    checkpoint_every: float = EVERY
    """Seconds between checkpoints of what trains; 0: after every segment."""
    restart: bool = False
    """Begin anew: say what the folder's study has, and discard it."""
    hosts: OmitArgPrefixes[HostFlags] = dataclasses.field(default_factory=HostFlags)
    experiment: OmitArgPrefixes[ComparisonFlags] = dataclasses.field(
        default_factory=ComparisonFlags.of_preset
    )

    def run(self) -> None:
        from gan_jax.studies.study import Study

        use_data_dir(self.data_dir)
        losses = [name for given in self.losses for name in given.split(",") if name]
        if not losses:
            raise ConfigError("losses: none given, expected at least one")
        if len(set(losses)) < len(losses):
            raise ConfigError(f"losses: {' '.join(losses)} given, expected each once")
        base, variants = self.experiment.compared(losses)
        seeds = parse_seeds(self.seeds)
        study = Study(
            "compare",
            base,
            variants,
            seeds,
            self.lanes,
            moments=self.moments,
            batch_devices=self.batch_devices,
        )
        begin_anew(self.restart, study, self.out, self.checkpoint_every, self.export)
        watch().run_and_report(study, self.out, self.export, self.track, self.checkpoint_every)


@dataclasses.dataclass(kw_only=True)
class RunStudy:
    """Run a study file: a base experiment, its variants, and their seeds; or look how far one is.

    Variants and seeds added to the file of a finished study are run; nothing else is.
    """

    file: Annotated[Positional[Path | None], arg(metavar="FILE")] = None
    """YAML: name, seeds, variants or grid and, if not the defaults, preset, base, lanes, criteria,
    moments. Needed unless --status is given."""
    status: Annotated[Path | None, arg(metavar="RUN")] = None
    """Run nothing: show which cells of a study's folder are done, running, missing, failed. What
    is done is not read."""
    out: Path | None = None
    """The study's folder; results/NAME by default. The same study in it is continued."""
    export: Literal["parquet"] | None = None
    """Also write the results as tables: seeds.parquet and curves.parquet (extra `parquet`)."""
    track: Literal["tensorboard", "wandb"] | None = None
    """Send the first 16 seeds' curves to a tracker while they train (extra `tracking`)."""
    checkpoint_every: float = EVERY
    """Seconds between checkpoints of what trains; 0: after every segment."""
    restart: bool = False
    """Begin anew: say what the folder's study has, and discard it."""
    batch_devices: int | None = None
    """Devices that share each batch, for a training too large for one; the file's by default."""
    engine: Literal["local", "ray"] = "local"
    """Where cells run: in this process, or on a Ray cluster (extra `ray`)."""
    ray_address: str | None = None
    """The Ray cluster's HOST:PORT, or auto; by default one of this machine alone."""
    cell_cpus: int = 1
    """With Ray: cores of each cell."""
    cell_gpus: int = 0
    """With Ray: GPUs of each cell."""
    cell_retries: int = CELL_RETRIES
    """With Ray, and of workers: how often a cell is run again whose process or machine is lost."""
    worker: bool = False
    """Be one of any number of processes, of any machines, that share the study's folder."""
    lease_seconds: float = LEASE
    """Seconds without a sign of life from a worker, after which others take its cell over."""
    data_dir: Path | None = None
    """Where the files of image data are; by default GAN_JAX_DATA, else the user's cache."""
    hosts: OmitArgPrefixes[HostFlags] = dataclasses.field(default_factory=HostFlags)

    def run(self) -> None:
        use_data_dir(self.data_dir)
        if (self.file is None) == (self.status is None):
            raise ConfigError("file and --status: expected one of them")
        if self.status is not None:
            show_status(self.status)
        elif self.file is not None:
            self._run_file(self.file)

    def _run_file(self, file: Path) -> None:
        from gan_jax.studies.files import read_yaml
        from gan_jax.studies.study import Study

        document = read_yaml(file)
        if self.batch_devices is not None and isinstance(document, dict):
            document["batch_devices"] = self.batch_devices
        try:
            study = Study.from_dict(document)
        except ConfigError as error:
            raise ConfigError(f"{file}: {error}") from None
        out = self.out or Path("results") / study.name
        self._check_together()
        begin_anew(self.restart, study, out, self.checkpoint_every, self.export)
        if self.worker:
            watch().work(study, out, self.lease_seconds, self.checkpoint_every, self.cell_retries)
            return
        watch().run_and_report(
            study, out, self.export, self.track, self.checkpoint_every, self._engine()
        )

    def _engine(self) -> Any:
        if self.engine == "local":
            return self.engine
        from gan_jax.studies.ray_cluster import OnRay

        return OnRay(
            address=self.ray_address,
            cell_cpus=self.cell_cpus,
            cell_gpus=self.cell_gpus,
            cell_retries=self.cell_retries,
        )

    def _check_together(self) -> None:
        """Refuse flags that contradict each other."""
        from gan_jax.studies.engines import check_settings

        ray = self.engine == "ray", "--engine ray"
        needed: dict[str, tuple[bool, str]]
        needed = {"ray_address": ray, "cell_cpus": ray, "cell_gpus": ray}
        needed["cell_retries"] = ray[0] or self.worker, "--engine ray or --worker"
        needed["lease_seconds"] = self.worker, "--worker"
        for field in dataclasses.fields(self):
            there, where = needed.get(field.name, (True, ""))
            if not there and getattr(self, field.name) != field.default:
                name = field.name.replace("_", "-")
                raise ConfigError(f"--{name}: given, expected only with {where}")
        if self.worker and self.engine != "local":
            raise ConfigError("worker and engine: both given, expected one of them")
        spans = self.hosts.coordinator is not None or self.hosts.distributed
        if spans and (self.worker or self.engine != "local"):
            raise ConfigError(
                "coordinator: given with --worker or --engine ray, expected alone: either cells "
                "span processes, or processes share cells"
            )
        check_settings(self.checkpoint_every, self._engine())
        if self.worker and self.restart:
            raise ConfigError("restart: given to a worker, expected before there are any")
        if self.track is not None and (self.worker or self.engine != "local"):
            raise ConfigError("track: given, expected only where one process trains all")
        if self.export is not None and self.worker:
            raise ConfigError("export: given to a worker, expected of gan-jax report")


def begin_anew(
    restart: bool, study: Study, folder: Path, checkpoint_every: float, export: str | None = None
) -> None:
    """Discard what a folder has, where that is asked for and the study can be run, and say so."""
    from gan_jax.studies.engines import check_settings
    from gan_jax.studies.handover import check_export

    check_settings(checkpoint_every)
    check_export(export)
    if restart:
        from gan_jax.studies.discard import discard
        from gan_jax.studies.folder import inputs_of

        inputs_of(study)
        print(discard(folder))


def show_status(folder: Path) -> None:
    """Print how far a study is."""
    from rich.console import Console

    from gan_jax.reports.status import status_notes, status_table
    from gan_jax.studies.status import study_status

    status = study_status(folder)
    Console().print(status_table(status))
    for line in status_notes(status):
        print(line)


@dataclasses.dataclass(kw_only=True)
class Train:
    """Train one or a few seeds of one experiment, with a look at the samples every so often."""

    seeds: Seeds = "1"
    """How many seeds (0 to N - 1), or which, separated by commas."""
    check_every: int | None = None
    """Look at samples and accuracies every so many steps, a multiple of 10 log_every."""
    moments: int = 3
    """Moments of training at which whole states are kept, for `gan-jax spectrum`; 0 keeps none."""
    batch_devices: int = 1
    """Devices that share each batch, for a training too large for one; it changes the rounding."""
    out: Path = Path("results/train")
    """The run's folder. The same run in it is continued; another is never overwritten."""
    preset: Preset = "parabola"
    """Take the other flags' defaults from a preset: see `gan-jax list presets`."""
    data_dir: Path | None = None
    """Where the files of image data are; by default GAN_JAX_DATA, else the user's cache."""
    checkpoint_every: float = EVERY
    """Seconds between checkpoints of what trains; 0: after every segment."""
    restart: bool = False
    """Begin anew: say what the folder's study has, and discard it."""
    hosts: OmitArgPrefixes[HostFlags] = dataclasses.field(default_factory=HostFlags)
    experiment: OmitArgPrefixes[ExperimentFlags] = dataclasses.field(
        default_factory=ExperimentFlags.of_preset
    )

    def run(self) -> None:
        from gan_jax.reports import checks
        from gan_jax.studies.study import Study

        use_data_dir(self.data_dir)
        experiment = self.experiment.experiment()
        experiment, check_every = checks.with_checks(experiment, self.check_every)
        variants, seeds = {experiment.loss: {}}, parse_seeds(self.seeds)
        devices = self.batch_devices
        study = Study(
            "train", experiment, variants, seeds, moments=self.moments, batch_devices=devices
        )
        if len(study.seeds) > MOST_TRAINED:
            raise ConfigError(
                f"seeds: {self.seeds} given, expected at most {MOST_TRAINED} (or gan-jax compare)"
            )
        snapshots = checks.Snapshots(experiment, check_every)
        begin_anew(self.restart, study, self.out, self.checkpoint_every)
        watch().show_checks(study, self.out, snapshots, self.checkpoint_every)
