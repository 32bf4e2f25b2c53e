"""What whole processes of gan_jax cost: first steps, the default comparison, a long run's memory.

Fresh processes, first with empty compilation caches, then with what the first has compiled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contestants.protocol import FOLDER, ContestantError
from contestants.rounds import cache_variables


def finished(
    arguments: Sequence[str], caches: Mapping[str, str], limit: float
) -> tuple[str, float, float]:
    """Run Python with arguments to its end; return what it printed, when it began, how long.

    Raises:
      ContestantError: when it fails, with its last line, or takes more than `limit` seconds.
    """
    path = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH", "")]))
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": path} | dict(caches),
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        raise ContestantError(f"{' '.join(arguments[:3])}: not done in {limit:g} s") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1]
        raise ContestantError(f"{' '.join(arguments[:3])}: {last}")
    return done.stdout, began, time.monotonic() - began


def starts(
    presets: Sequence[str], rows: Mapping[str, Path], say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Seconds from a process's start to its first step, of every preset, cold and warm.

    `rows`: preset -> the file that its digits are read from.
    """
    measured: dict[str, Any] = {}
    for preset in presets:
        with tempfile.TemporaryDirectory() as folder:
            caches, row = cache_variables(Path(folder)), {}
            given = [str(rows[preset])] if preset in rows else []
            for when in ("cold", "warm"):
                try:
                    printed, began, _ = finished(
                        ["-m", "contestants.first_step", preset, *given], caches, 600
                    )
                except ContestantError as error:
                    row["skipped"] = str(error)
                    break
                answer = json.loads(printed.splitlines()[-1])
                row[f"{when}_first_step_seconds"] = answer["at"] - began
                row[f"{when}_compile_seconds"] = answer["compile_seconds"]
        measured[preset] = row
        say(f"  {preset}: " + ", ".join(f"{k} {v:.2f}" for k, v in row.items() if k != "skipped"))
    return measured


def compare(flags: Sequence[str], say: Callable[[str], None] = print) -> dict[str, float]:
    """Seconds that `gan-jax compare` takes as a whole process, cold and warm."""
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        caches = cache_variables(Path(folder) / "caches")
        for when in ("cold", "warm"):
            out = str(Path(folder) / when)
            arguments = ["-m", "gan_jax", "compare", "--out", out, *flags]
            measured[f"{when}_seconds"] = finished(arguments, caches, 900)[2]
            say(f"  {when}: {measured[f'{when}_seconds']:.1f} s")
    return measured


def memory(seeds: int, steps: int) -> dict[str, Any]:
    """`memory.watched_run` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["-m", "contestants.memory", str(seeds), str(steps)]
        printed, _, _ = finished(arguments, cache_variables(Path(folder)), 3600)
    return {"seeds": seeds, "steps": steps} | json.loads(printed.splitlines()[-1])
