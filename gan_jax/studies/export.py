"""The generators of a finished study as files of their own, and one of them back.

RUN/generators/VARIANT/seed-0000.safetensors
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from gan_jax.data_facts import is_array
from gan_jax.fields import ConfigError
from gan_jax.game.gan import generator_variables
from gan_jax.studies.cells import cells
from gan_jax.studies.files import read_yaml
from gan_jax.studies.folder import check_inputs, read_finished
from gan_jax.studies.generators import Generator, read_generator, write_generator
from gan_jax.studies.results import STUDY_FILE
from gan_jax.studies.states import moment_steps, read_states

FOLDER, SUFFIX = "generators", ".safetensors"
MOST_LISTED = 10


def export_generators(
    folder: str | Path, variant: str | None = None, seed: int | None = None
) -> list[Path]:
    """Write the generators of a finished study, from its last kept states; return their paths.

    All of them, or those of one variant, or of one seed; with the averaged weights where those are
    kept (`Experiment.generator_ema`).

    Raises:
      ConfigError: when there is no finished study in the folder that kept states, or it has no such
        variant or seed.
    """
    folder = Path(folder)
    study = read_finished(folder)
    # An array's range is what a generator's output is scaled by.
    if any(is_array(experiment.data) for experiment in study.experiments().values()):
        check_inputs(study, folder)
    _check_choice(folder, "variant", variant, list(study.variants))
    _check_choice(folder, "seed", seed, study.seeds)
    experiments, paths = study.experiments(), []
    for cell in cells(study):
        places = [place for place, own in enumerate(cell.seeds) if seed in (None, own)]
        if not places or variant not in (None, cell.variant):
            continue
        experiment = experiments[cell.variant]
        last = moment_steps(experiment, study.moments)[-1]
        states = read_states(cell, folder, experiment, last)
        for place in places:
            state = jax.tree.map(lambda x, place=place: x[place], states)
            path = generator_path(folder, cell.variant, cell.seeds[place])
            origin = (experiment, cell.variant, cell.seeds[place], int(state.step))
            write_generator(path, *origin, generator_variables(state))
            paths.append(path)
    return paths


def generator_path(folder: Path, variant: str, seed: int) -> Path:
    """Where a study's folder has one generator."""
    return folder / FOLDER / variant / f"seed-{seed:04d}{SUFFIX}"


def load_generator(
    path: str | Path, *, variant: str | None = None, seed: int | None = None
) -> Generator:
    """Read an exported generator, checked whole; its data need not be there.

    Args:
      path: the file; or the folder of a run, of whose generators one must be meant.
      variant: in a run's folder, which variant's.
      seed: in a run's folder, which seed's.

    Raises:
      ConfigError: in one line: no such file, or more than one (the choices are listed), or a file
        that is damaged, of another format, or made with what is not registered here.
    """
    path = Path(path)
    if path.is_dir():
        found = _exported(path)
        if not found:
            raise ConfigError(
                f"{path}: no exported generators there; `gan-jax sample {path}` exports what it "
                "samples from, gan_jax.studies.export.export_generators all"
            )
        return read_generator(generator_path(path, *_only_one(path, found, variant, seed)))
    generator = read_generator(path)
    for what, given, there in (
        ("variant", variant, generator.variant),
        ("seed", seed, generator.seed),
    ):
        _check_choice(path, what, given, [there] if given != there else [given])
    return generator


def exported_generator(folder: Path, variant: str | None, seed: int | None) -> Generator:
    """One generator of a finished study, exported now where it has not been.

    Raises:
      ConfigError: as `export_generators` and `load_generator` do.
    """
    # What is exported needs nothing of the run, whose data may be gone.
    one_of = _exported(folder)
    all_exported = len(one_of) == _how_many(folder)
    if not all_exported:
        study = read_finished(folder)
        one_of = [(name, number) for name in study.variants for number in study.seeds]
    variant, seed = _only_one(folder, one_of, variant, seed)
    path = generator_path(folder, variant, seed)
    if not path.exists():
        export_generators(folder, variant, seed)
    return read_generator(path)


def _exported(folder: Path) -> list[tuple[str, int]]:
    """The variants and seeds whose generators are in a folder."""
    return [
        (file.parent.name, int(number))
        for file in sorted((folder / FOLDER).glob(f"*/seed-*{SUFFIX}"))
        if (number := file.stem.removeprefix("seed-")).isdecimal()
    ]


def _how_many(folder: Path) -> int:
    """How many runs a folder's study has, from its plain text: no check of what it was run on."""
    if not (folder / STUDY_FILE).exists():
        return -1
    document = read_yaml(folder / STUDY_FILE)
    document = document if isinstance(document, dict) else {}
    seeds, variants = document.get("seeds"), document.get("variants")
    n_seeds = len(seeds) if isinstance(seeds, list) else seeds
    if not isinstance(variants, dict) or not isinstance(n_seeds, int):
        return -1
    return len(variants) * n_seeds


def _only_one(
    folder: Path, there: Sequence[tuple[str, int]], variant: str | None, seed: int | None
) -> tuple[str, int]:
    """The one variant and seed that are meant, of those there."""
    variants = list(dict.fromkeys(name for name, _ in there))
    seeds = sorted({number for _, number in there})
    _check_choice(folder, "variant", variant, variants)
    _check_choice(folder, "seed", seed, seeds)
    chosen = [x for x in there if variant in (None, x[0]) and seed in (None, x[1])]
    if len(chosen) != 1:
        raise ConfigError(
            f"{folder}: {len(chosen)} generators there fit, expected one; choose variant from "
            f"{_listed(variants)} and seed (of `gan-jax sample`: --run-seed) from {_listed(seeds)}"
        )
    return chosen[0]


def _check_choice(folder: Path, what: str, given: Any, there: Sequence[Any]) -> None:
    if given is not None and given not in there:
        raise ConfigError(f"{what}: {given!r} given; {folder} has {_listed(there)}")


def _listed(choices: Sequence[Any]) -> str:
    words = ", ".join(map(str, choices[:MOST_LISTED]))
    return words if len(choices) <= MOST_LISTED else f"{words}, ... ({len(choices)} in all)"
