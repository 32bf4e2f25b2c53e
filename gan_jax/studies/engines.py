"""Where a study's cells run, and the running of a study: only what is missing, each cell once."""

from __future__ import annotations

import platform
import shlex
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_jax.catalogue import nearest
from gan_jax.data_facts import COLLECTION_OF, check_data_files, data_fingerprint
from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_text
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.results import (
    RESULTS_FILE,
    SEEDS_FILE,
    STUDY_FILE,
    Cell,
    assemble,
    load_results,
    missing_cells,
    write_cell,
)
from gan_jax.studies.states import StateKeeper, write_states
from gan_jax.studies.study import RECORDED, Study, differences
from gan_jax.training.lanes import RECORDS_PER_SEGMENT

if TYPE_CHECKING:
    import xarray as xr

    from gan_jax.training.loop import Segment

PACKAGES = ("gan-jax", "jax", "jaxlib", "flax", "optax", "numpy")

# Called after each segment of each chunk with the variant's name.
Observer = Callable[[str, "Segment"], None]


def run_local(study: Study, todo: list[Cell], folder: Path, observer: Observer | None) -> None:
    """Run cells in this process, one after the other, each over all local devices."""
    from gan_jax.analysis import quality
    from gan_jax.training.seeds import train_seeds

    experiments = study.experiments()
    for cell in todo:
        experiment, started = experiments[cell.variant], time.perf_counter()
        keeper = StateKeeper(experiment, study.moments)

        def on_segment(
            segment: Segment, variant: str = cell.variant, keep: StateKeeper = keeper
        ) -> None:
            keep(segment)
            if observer is not None:
                observer(variant, segment)

        run = train_seeds(
            experiment,
            cell.seeds,
            study.lanes,
            evaluation=quality.evaluation(experiment),
            on_segment=on_segment,
        )
        samples = quality.samples(experiment, run.states)
        finals = quality.final_measures(experiment, run.states, samples)
        wall = time.perf_counter() - started
        write_states(cell, folder, keeper.states(cell.seeds))
        write_cell(
            cell, folder, run.history, run.steps, samples, finals, run.first_nonfinite_step, wall
        )


ENGINES = {"local": run_local}


def run_study(
    study: Study,
    out: str | Path,
    engine: str = "local",
    *,
    observer: Observer | None = None,
    command: str | None = None,
) -> xr.Dataset:
    """Run what is missing of a study in the folder `out`, and return the results of all of it.

    Args:
      study: what to run.
      out: the study's folder; made if need be. One that holds the same study is continued, or read
        if it is complete.
      engine: where to run, a key of ENGINES.
      observer: called after every segment, for progress.
      command: what to record as the command; this process's by default.

    Raises:
      ConfigError: before anything runs, when `out` holds another study (the differences are named)
        or other files, or cannot be written; or when the data's files are not there.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine: {engine!r} given; {nearest(engine, ENGINES)}")
    folder = Path(out)
    open_folder(study, folder, command)
    todo = missing_cells(study, folder)
    if not todo and all((folder / name).exists() for name in (RESULTS_FILE, SEEDS_FILE)):
        return load_results(folder)
    check_versions(folder)
    check_writable(folder)
    ENGINES[engine](study, todo, folder, observer)

    from gan_jax.analysis import quality

    one = study.first_experiment()  # variants share the data and its evaluation
    return assemble(
        study,
        folder,
        quality.QUALITY,
        quality.floors(one),
        quality.final_floors(one),
        quality.samples_real(one),
        quality.labels(one),
        {
            "kind": one.data_facts.kind,
            "jax": version("jax"),
            "gan_jax": version("gan-jax"),
        },
    )


def open_folder(study: Study, folder: Path, command: str | None = None) -> None:
    """Make a study's folder, or recognise it.

    Raises:
      ConfigError: when it holds something else or cannot be written, or when the study's data or
        classifier are not there; nothing has been changed then.
    """
    inputs = inputs_of(study)
    file = folder / STUDY_FILE
    try:
        if file.exists():
            there, here = read_yaml(file), study.to_dict()
            if not isinstance(there, dict):
                raise ConfigError(f"{file}: not a study; choose another folder")
            found = differences({k: v for k, v in there.items() if k != RECORDED}, here)
            if found:
                raise ConfigError(
                    f"{folder} holds another study ({'; '.join(found)}); choose another folder"
                )
            check_inputs(study, folder)
            return
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder} holds files but no {STUDY_FILE}; choose another folder")
        write_yaml(file, study.to_dict() | {RECORDED: _environment(command) | {"inputs": inputs}})
    except OSError as error:
        raise ConfigError(f"out: cannot write to {folder}: {error.strerror}") from None


def inputs_of(study: Study) -> dict[str, str]:
    """SHA-256 of what a study is run on that may change under its name: an array, a classifier.

    Raises:
      ConfigError: in one line that says what to put where, or to run, when they are not there.
    """
    one, inputs = study.first_experiment(), {}
    check_data_files(one.data)
    fingerprint = data_fingerprint(one.data)
    if fingerprint:
        inputs["data"] = fingerprint
    if one.classifier_measures:
        from gan_jax.analysis.classifier_file import load_classifier

        inputs["classifier"] = load_classifier(COLLECTION_OF[one.data]).sha256
    return inputs


def check_inputs(study: Study, folder: Path) -> None:
    """Refuse a study's folder that was begun with other data or another classifier.

    Raises:
      ConfigError: naming which; or when they are not there.
    """
    recorded = (read_yaml(folder / STUDY_FILE).get(RECORDED) or {}).get("inputs") or {}
    now = inputs_of(study)
    for name, fingerprint in recorded.items():
        if now.get(name) != fingerprint:
            raise ConfigError(
                f"{folder} was begun with another {name} (SHA-256 {fingerprint[:12]}..., now "
                f"{str(now.get(name))[:12]}...); bring that back, or choose another folder"
            )


def check_versions(folder: Path) -> None:
    """Refuse to continue a study with other package versions: one study, one set of numbers.

    Raises:
      ConfigError: naming what differs.
    """
    recorded = (read_yaml(folder / STUDY_FILE).get(RECORDED) or {}).get("packages") or {}
    found = differences(recorded, _versions())
    if found:
        raise ConfigError(
            f"{folder} was begun with other versions ({'; '.join(found)}), whose numbers may "
            "differ: install those, or choose another folder"
        )


def check_writable(folder: Path) -> None:
    """Refuse to train for a folder that cannot take the results.

    Raises:
      ConfigError: naming the folder and the reason.
    """
    try:
        write_text(folder / "cells" / "writable", "")
        (folder / "cells" / "writable").unlink()
    except OSError as error:
        raise ConfigError(f"out: cannot write to {folder / 'cells'}: {error.strerror}") from None


def _versions() -> dict[str, str]:
    return {package: version(package) for package in PACKAGES}


def _program() -> list[str]:
    name = Path(sys.argv[0])
    return ["python", "-m", "gan_jax"] if name.name == "__main__.py" else [name.name]


def _environment(command: str | None) -> dict[str, Any]:
    import jax

    return {
        "command": command or shlex.join([*_program(), *sys.argv[1:]]),
        "records_per_segment": RECORDS_PER_SEGMENT,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": _versions(),
        "devices": [f"{device.platform} {device.device_kind}" for device in jax.local_devices()],
    }
