"""Verdicts anew, by other thresholds, from the stored curves: no training, no JAX."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gan_jax.analysis.verdicts import Criteria
from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_text
from gan_jax.studies.claims import RUNNING, claimed
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.folder import read_study
from gan_jax.studies.joining import joined_groups, judge_again
from gan_jax.studies.results import (
    RESULTS_FILE,
    SEEDS_FILE,
    STUDY_FILE,
    load_groups,
    seeds_table,
    write_results,
)
from gan_jax.studies.study import RECORDED

if TYPE_CHECKING:
    import xarray as xr


class Rejudged(NamedTuple):
    """A study under other criteria.

    Attributes:
      groups: data -> its results with the new verdicts.
      changed: how many seeds have another outcome than before.
      runs: of how many.
    """

    groups: dict[str, xr.Dataset]
    changed: int
    runs: int


def read_criteria(file: Path) -> Criteria:
    """Thresholds from a YAML file: those by name that differ from the defaults.

    Raises:
      ConfigError: in one line, when it cannot be read or names what is no threshold.
    """
    found = read_yaml(file)
    return Criteria.from_dict({} if found is None else found)


def rejudge(folder: Path, criteria: Criteria) -> Rejudged:
    """Judge every seed of a study's results again.

    Raises:
      ConfigError: when the folder holds no results.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder, expected a finished run's")
    before = load_groups(folder)
    after = judge_again(before, criteria)
    changed = runs = 0
    for name, group in before.items():
        changed += int((group["verdict"].values != after[name]["verdict"].values).sum())
        runs += int((group["status"].values == "done").sum())
    return Rejudged(after, changed, runs)


def store_verdicts(folder: Path, criteria: Criteria) -> Rejudged:
    """Judge again, and make these criteria the study's: in results.nc, seeds.csv and study.yaml.

    Raises:
      ConfigError: when the folder's study or its results cannot be read.
      TakenError: when another process runs it.
    """
    read_study(folder)
    with claimed(folder / RUNNING, str(folder)):
        judged = rejudge(folder, criteria)
        _store(folder, criteria, judged.groups)
    return judged


def _store(folder: Path, criteria: Criteria, groups: dict[str, xr.Dataset]) -> None:
    study = dataclasses.replace(read_study(folder), criteria=criteria)
    recorded = read_yaml(folder / STUDY_FILE).get(RECORDED)
    recorded = (recorded if isinstance(recorded, dict) else {}) | {"judged_again": True}
    write_yaml(folder / STUDY_FILE, study.to_dict() | {RECORDED: recorded})
    text = (folder / STUDY_FILE).read_text(encoding="utf-8")
    groups = {name: group.assign_attrs(study_file=text) for name, group in groups.items()}
    results = joined_groups(study, groups)
    write_results(folder / RESULTS_FILE, results, groups)
    write_text(folder / SEEDS_FILE, seeds_table(results))
