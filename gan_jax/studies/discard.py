"""A study begun anew in its folder: what it had is named, and removed."""

from __future__ import annotations

import shutil
from pathlib import Path

from gan_jax.fields import ConfigError
from gan_jax.files.sums import SUFFIX
from gan_jax.studies.cells import cells, missing_cells
from gan_jax.studies.claims import RUNNING, check_free, claimed
from gan_jax.studies.damage import trained_steps
from gan_jax.studies.folder import TEMPORARY, read_study
from gan_jax.studies.results import RESULTS_FILE, SEEDS_FILE, SPECTRUM_FILE, STUDY_FILE

FOLDERS = ("cells", "figures", "generators", "tensorboard", "wandb")
# study.yaml last: until it is gone, the folder is still that study's.
FILES = (
    RUNNING,
    RESULTS_FILE,
    RESULTS_FILE + SUFFIX,
    SPECTRUM_FILE,
    SPECTRUM_FILE + SUFFIX,
    SEEDS_FILE,
    "seeds.parquet",
    "curves.parquet",
    "report.html",
    STUDY_FILE,
)


def discard(folder: Path) -> str:
    """Remove a study from its folder; return what was discarded, in a line.

    Raises:
      ConfigError: when the folder holds no study, or what is no study's; nothing is removed then.
      TakenError: when another process runs the study.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return f"{folder}: nothing to discard"
    if not (folder / STUDY_FILE).exists():
        raise ConfigError(f"{folder} holds files but no {STUDY_FILE}; choose another folder")
    check_free(folder / RUNNING, str(folder))
    other = [one.name for one in folder.iterdir() if not _is_own(one)]
    if other:
        raise ConfigError(
            f"{folder} holds what is no study's ({', '.join(sorted(other)[:5])}); move that, or "
            "choose another folder"
        )
    with claimed(folder / RUNNING, str(folder)):
        for claim in sorted(folder.glob(f"cells/*/*/{RUNNING}")):  # a worker's
            check_free(claim, str(claim.parent))
        line = f"{folder}: discarded {_held(folder)}"
        for name in FOLDERS:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        for one in sorted(folder.iterdir(), key=lambda one: one.name == STUDY_FILE):
            if one.name != RUNNING:
                one.unlink()
    return line


def _is_own(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return path.name in FOLDERS
    return path.name in FILES or bool(TEMPORARY.match(path.name))


def _held(folder: Path) -> str:
    """What a folder's study has come to, in words."""
    try:
        study = read_study(folder)
    except ConfigError:
        return "a study whose study.yaml could not be read"
    missing = missing_cells(study, folder)
    total = len(cells(study))
    held = f"{total - len(missing)} of {total} cells done"
    steps = [step for cell in missing for step in trained_steps(cell, folder)]
    if steps:
        chunks = f"{len(steps)} checkpoint{'s' if len(steps) > 1 else ''}"
        held += f", {chunks} of unfinished ones at up to step {max(steps):,}"
    return f"the study {study.name}: {held}"
