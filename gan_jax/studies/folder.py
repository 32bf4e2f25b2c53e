"""A study's folder: made, recognised, grown, or refused, before anything runs in it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

from gan_jax.analysis.criteria import Criteria
from gan_jax.data_facts import COLLECTION_OF, check_data_files, data_fingerprint
from gan_jax.fields import ConfigError, differences
from gan_jax.files.whole import write_text
from gan_jax.packages import versions
from gan_jax.studies.cells import cells, missing_cells
from gan_jax.studies.claims import RUNNING, alone, check_free
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.recorded import checked_record, occasion, surroundings
from gan_jax.studies.results import STUDY_FILE
from gan_jax.studies.study import RECORDED, Study

# Left by a process that was ended in its beginning.
TEMPORARY = re.compile(r"\..+\.[0-9]+\.tmp")


def open_folder(
    study: Study, folder: Path, command: str | None = None, *, held: bool = False
) -> Study:
    """Make a study's folder, or recognise it; return the study as it is to be run there.

    A folder that holds some of the study's variants and seeds, alike in everything else, holds the
    study before it grew: it takes the new ones in.

    Args:
      study: what is to be run.
      folder: where.
      command: what to record as the command; this process's by default.
      held: this process has claimed the folder.

    Raises:
      ConfigError: when it holds something else or cannot be written, or when the study's data or
        classifier are not there; nothing has been changed then.
      TakenError: when another process runs it.
    """
    inputs = inputs_of(study)
    try:
        if not (folder / STUDY_FILE).exists():
            _check_empty(folder, held)
            folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):  # else another process could claim it between the look and the change
            return _opened(study, folder, inputs, command, held)
    except OSError as error:
        raise ConfigError(f"out: cannot write to {folder}: {error.strerror}") from None


def _opened(
    study: Study, folder: Path, inputs: dict[str, str], command: str | None, held: bool
) -> Study:
    file = folder / STUDY_FILE
    if not file.exists():
        _check_empty(folder, held)
        write_yaml(file, study.to_dict() | {RECORDED: surroundings(command) | {"inputs": inputs}})
        return study
    if not held:
        check_free(folder / RUNNING, str(folder))
    there, document = _stored(file)
    grown = _grown(there, study, folder)
    check_inputs(grown, folder)
    if grown.to_dict() != there.to_dict():
        check_versions(folder)
        recorded = document[RECORDED]
        recorded.setdefault("grown", []).append(occasion(command))
        recorded["inputs"] = recorded.get("inputs", {}) | inputs
        write_yaml(file, grown.to_dict() | {RECORDED: recorded})
    return grown


def _check_empty(folder: Path, held: bool) -> None:
    """Refuse a folder without a study that has anything else in it."""
    if folder.exists() and any(not _passing(one.name, held) for one in folder.iterdir()):
        raise ConfigError(f"{folder} holds files but no {STUDY_FILE}; choose another folder")


def _passing(name: str, held: bool) -> bool:
    """Whether a file is no study's and nobody else's either."""
    return bool(TEMPORARY.match(name)) or (held and name == RUNNING)


def _stored(file: Path) -> tuple[Study, dict[str, Any]]:
    document = read_yaml(file)
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: not a study; choose another folder")
    try:
        study = Study.from_dict(document)
    except ConfigError as error:
        unknown = "choices:" in str(error) or "did you mean" in str(error)
        where = " (what a script registers is known there only: call gan_jax in it)"
        raise ConfigError(f"{file}: {error}{where if unknown else ''}") from None
    document[RECORDED] = checked_record(document.get(RECORDED))
    return study, document


def _grown(there: Study, here: Study, folder: Path) -> Study:
    """The study of a folder with what another one adds to it.

    Raises:
      ConfigError: naming every difference that is more than new variants and new seeds.
    """
    found = []
    if there.name != here.name:
        found.append(f"name: {there.name} there, {here.name} here")
    for what, old, new in (
        ("seeds", there.seeds, here.seeds),
        ("variants", list(there.variants), list(here.variants)),
    ):
        gone = [str(one) for one in old if one not in set(new)]
        if gone:
            found.append(f"{what}: {_some(gone)} there, not here; a study grows, but never shrinks")
    if here.lanes_chosen and here.lanes != there.lanes:
        found.append(f"lanes: {there.lanes} there, {here.lanes} here")
    for what in ("moments", "batch_devices"):
        old, new = getattr(there, what), getattr(here, what)
        if old != new:
            found.append(f"{what}: {old} there, {new} here")
    # Whoever does not say by what to judge means what the folder's seeds are judged by.
    if here.criteria not in (there.criteria, Criteria()):
        old, new = ({"criteria": dataclasses.asdict(one.criteria)} for one in (there, here))
        changed = "; ".join(differences(old, new))
        found.append(f"{changed}; `gan-jax verdicts` judges a finished study by other criteria")
    found += _changed(there, here)
    if found:
        shown = "; ".join(dict.fromkeys(found))
        raise ConfigError(
            f"{folder} holds another study ({shown}); choose another folder, or --restart"
        )
    added = [seed for seed in here.seeds if seed not in set(there.seeds)]
    variants = dict(there.variants)
    base, new = there.base.to_dict(), here.experiments()
    for variant in here.variants:
        if variant not in variants:
            fields = new[variant].to_dict()
            variants[variant] = {name: x for name, x in fields.items() if x != base[name]}
    grown_from = (*there.grown_from, len(there.seeds)) if added else there.grown_from
    return dataclasses.replace(
        there, variants=variants, seeds=(*there.seeds, *added), grown_from=grown_from
    )


def _changed(there: Study, here: Study) -> list[str]:
    """In which fields the variants of both studies differ; what all have in common is said once."""
    both = [variant for variant in there.variants if variant in here.variants]
    old, new = there.experiments(), here.experiments()
    changes = {name: differences(old[name].to_dict(), new[name].to_dict()) for name in both}
    counts = Counter(change for found in changes.values() for change in found)
    everywhere = [change for change, n in counts.items() if n == len(both)]
    rest = [
        f"{name}: {change}"
        for name, found in changes.items()
        for change in found
        if change not in everywhere
    ]
    return everywhere + rest


def _some(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def read_study(folder: Path) -> Study:
    """The study of a folder, finished or not.

    Raises:
      ConfigError: when there is none.
    """
    if not (folder / STUDY_FILE).exists():
        raise ConfigError(f"{folder}: no {STUDY_FILE} there; expected a study's folder")
    return _stored(folder / STUDY_FILE)[0]


def read_finished(folder: Path, what_for: str = "") -> Study:
    """The study of a folder of which every cell is done, and which kept its seeds' states.

    Raises:
      ConfigError: when there is none, or it is not finished, or it kept no states.
    """
    study = read_study(folder)
    missing = len(missing_cells(study, folder))
    if missing:
        raise ConfigError(f"{folder}: {missing} of {len(cells(study))} cells are not done yet")
    if not study.moments:
        raise ConfigError(f"{folder}: the study kept no states (moments: 0); run it with some")
    return study


def inputs_of(study: Study) -> dict[str, str]:
    """SHA-256 of what a study is run on that may change under its name: arrays, classifiers.

    Raises:
      ConfigError: in one line that says what to put where, or to run, when they are not there.
    """
    experiments = study.experiments().values()
    inputs = {}
    for data in dict.fromkeys(experiment.data for experiment in experiments):
        check_data_files(data)
        fingerprint = data_fingerprint(data)
        if fingerprint:
            inputs[f"data {data}"] = fingerprint
    measured = (experiment.data for experiment in experiments if experiment.classifier_measures)
    for data in dict.fromkeys(measured):
        from gan_jax.analysis.classifier_file import load_classifier

        inputs[f"classifier of {data}"] = load_classifier(COLLECTION_OF[data]).sha256
    return inputs


def check_inputs(study: Study, folder: Path) -> None:
    """Refuse a study's folder that was begun with other data or another classifier.

    Raises:
      ConfigError: naming which; or when they are not there.
    """
    recorded = _stored(folder / STUDY_FILE)[1][RECORDED].get("inputs", {})
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
    import jax

    recorded = _stored(folder / STUDY_FILE)[1][RECORDED]
    found = differences(recorded.get("packages", {}), versions())
    there, here = bool(recorded.get("x64", False)), bool(jax.config.values["jax_enable_x64"])
    if there != here:
        found.append(f"x64: {there} there, {here} here")
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
