"""gan_jax: a laboratory for the stability of GAN training.

The public names, loaded on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "LOSSES": "losses",
    "GanLoss": "losses",
    "PENALTIES": "penalties",
    "NETWORKS": "networks",
    "DATASETS": "data",
    "Dataset": "data",
    "Experiment": "config",
    "ConfigError": "fields",
    "preset": "presets",
    "GanState": "game.state",
    "PlayerState": "game.state",
    "StepInfo": "game.state",
    "OPTIMIZERS": "game.optimizers",
    "UPDATES": "game.updates",
    "Gan": "game.gan",
    "make_gan": "game.gan",
    "seed_key": "game.draws",
    "Run": "training.seeds",
    "train_seeds": "training.seeds",
    "use_all_cores": "training.seeds",
    "keep_compiled_programs": "files.compiled",
    "Criteria": "analysis.verdicts",
    "Study": "studies.study",
    "run_study": "studies.engines",
    "OnRay": "studies.ray_cluster",
    "run_worker": "studies.workers",
    "load_results": "studies.results",
    "load_groups": "studies.results",
    "grid": "studies.grid",
    "to_arviz": "studies.handover",
    "StudyError": "studies.claims",
    "Checkpoints": "training.checkpoints",
    "load_generator": "studies.export",
    "study_spectra": "studies.spectra",
    "summarize": "studies.summary",
    "write_report": "reports.html",
}

__all__ = [*sorted(_HOMES), "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gan-jax")
    if name not in _HOMES:
        raise AttributeError(f"module 'gan_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(f"gan_jax.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
