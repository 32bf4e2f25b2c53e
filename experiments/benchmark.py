"""How fast is it, beside what else one would use, and beside what the machine can do?

The same GANs, the same sizes, one machine, one run: Keras, PyTorch eager and batched, plain JAX,
a hand-written C loop, gan_jax through its public API with everything on, and a large matrix product
as the machine's own ceiling. Contestants are processes of their own (`contestants/`), run in turn;
what is not installed (extra `bench`) is left out and named. Also measured: the first step of every
preset in a first and in a second process, `gan-jax compare`, the memory of a long run; on a GPU,
many sizes against counted operations and bytes.

Command: `python experiments/benchmark.py`, half an hour on 2 cores that do nothing else; `--quick`
takes five minutes and only shows that all of it runs. `--parts parabola` runs one part into the
same folder; `--table` writes a folder's tables and figure again. Expect: on the parabola gan_jax
ahead of all but the C loop, Keras slowest; every target beside what was measured, met or not.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from contestants import processes, rounds
from contestants.drawing import rates_figure
from contestants.protocol import ContestantError
from contestants.tables import page, target_table
from contestants.targets import targets
from contestants.works import WORKS

from gan_jax.commands.script import run_script
from gan_jax.fields import ConfigError
from gan_jax.files.images import load_images
from gan_jax.files.whole import write_text
from gan_jax.presets import PRESETS

DIGITS = (60_000, 28, 28, 1)
SIZES = (8, 128, 4_096)
LONG_RUN = (4_096, 10_000)  # seeds, steps
ON_CPU = ("parabola", "sizes", "ring", "digits", "starts", "compare", "memory")
ON_GPU = ("starts", "sweep")


class Run(NamedTuple):
    """What all parts of one run share.

    Attributes:
      repeats: how often each contestant runs.
      seconds: about how long each time.
      quick: tiny sizes instead, only to see that it works.
      precision: of matrix products, in the sweep.
      rows: the digits' file.
      data: where its digits are from.
    """

    repeats: int
    seconds: float
    quick: bool
    precision: str
    rows: Path
    data: str

    @property
    def scale(self) -> int:
        """What numbers of steps are divided by."""
        return 20 if self.quick else 1


def work_part(name: str, run: Run) -> dict[str, Any]:
    """One work's contestants against one another."""
    seeds = min(WORKS[name].seeds, 8) if run.quick else WORKS[name].seeds
    entries = rounds.entries_of(name, seeds, run.scale)
    rows = run.rows if name == "digits" else None
    measured = rounds.measure(name, entries, run.repeats, run.seconds, rows)
    return measured | ({"data": run.data} if rows else {})


def sizes_part(name: str, run: Run) -> dict[str, Any]:
    """gan_jax alone on the parabola, from few seeds to many."""
    entries = rounds.sizes_of((2, 8) if run.quick else SIZES, run.scale)
    return rounds.measure("parabola", entries, run.repeats, run.seconds)


def starts_part(name: str, run: Run) -> dict[str, Any]:
    """Every preset's first step, in a first and a second process."""
    presets = ("parabola", "dirac") if run.quick else tuple(PRESETS)
    rows = {name: run.rows for name in presets if PRESETS[name].get("data") == "mnist"}
    return {"presets": processes.starts(presets, rows)} | ({"data": run.data} if rows else {})


def compare_part(name: str, run: Run) -> dict[str, Any]:
    """The default comparison as a command."""
    flags = ("--seeds", "4", "--steps", "50") if run.quick else ()
    return {"flags": list(flags)} | processes.compare(flags)


def memory_part(name: str, run: Run) -> dict[str, Any]:
    """The memory of a long run."""
    return processes.memory(*((64, 100) if run.quick else LONG_RUN))


def sweep_part(name: str, run: Run) -> dict[str, Any]:
    """Many sizes on this machine's device."""
    told = {"rows": str(run.rows), "precision": run.precision, "quick": run.quick}
    printed, _, _ = processes.finished(["-m", "contestants.sweep", json.dumps(told)], {}, 7_200)
    device, *lines = map(json.loads, printed.splitlines())
    return {"device": device, "lines": lines, "data": run.data}


PARTS: dict[str, Callable[[str, Run], dict[str, Any]]] = {
    "parabola": work_part,
    "sizes": sizes_part,
    "ring": work_part,
    "digits": work_part,
    "starts": starts_part,
    "compare": compare_part,
    "memory": memory_part,
    "sweep": sweep_part,
}


def main(
    folder: Path = Path("results/benchmark"),
    parts: tuple[str, ...] | None = None,
    repeats: int = 5,
    seconds: float = 2.0,
    device: Literal["detect", "cpu", "gpu"] = "detect",
    matmul_precision: Literal["float32", "tensorfloat32", "bfloat16"] = "float32",
    data_dir: Path | None = None,
    quick: bool = False,
    table: bool = False,
) -> None:
    """Run the parts, and write benchmark.json, benchmark.md and benchmark.png.

    Args:
      folder: where they go; parts that it has already, and that are not run again, stay in it.
      parts: parabola, sizes, ring, digits, starts, compare, memory; sweep. By default all but
        sweep on a CPU, starts and sweep on a GPU.
      repeats: how often each contestant runs.
      seconds: about how long each time.
      device: where JAX computes; by default where it does by itself.
      matmul_precision: of the sweep's matrix products.
      data_dir: where MNIST's files are; by default GAN_JAX_DATA. Noise of the same shape if they
        are not there.
      quick: tiny sizes, which say nothing but that all of it runs.
      table: run nothing, only write the tables and the figure of `folder` again.
    """
    record = folder / "benchmark.json"
    document = json.loads(record.read_text()) if record.exists() else {"parts": {}}
    if table:
        if not document["parts"]:
            raise ConfigError(f"folder: {folder} given, expected one that holds benchmark.json")
        write_report(document, folder)
        return
    if repeats < 1:
        raise ConfigError(f"repeats: {repeats} given, expected at least 1")
    if data_dir is not None:
        os.environ["GAN_JAX_DATA"] = str(data_dir)
    if device != "detect":
        os.environ["JAX_PLATFORMS"] = {"cpu": "cpu", "gpu": "cuda"}[device]
    for part in parts or ():
        if part not in PARTS:
            raise ConfigError(f"parts: {part!r} given, expected some of {', '.join(PARTS)}")
    if parts is None:
        parts = ON_CPU if backend() == "cpu" else ON_GPU
    if quick:
        repeats, seconds = min(repeats, 2), 0.1
    with tempfile.TemporaryDirectory() as temporary:
        rows, data = write_rows(Path(temporary), quick)
        run = Run(repeats, seconds, quick, matmul_precision, rows, data)
        for part in parts:
            print(f"{part}:")
            try:
                measured = PARTS[part](part, run)
            except ContestantError as error:
                print(f"  left out: {error}")
                continue
            about = {"date": today(), "machine": machine(), "quick": quick}
            document["parts"][part] = about | measured
            write_text(record, json.dumps(document, indent=1) + "\n")
    write_report(document, folder)


def write_report(document: dict[str, Any], folder: Path) -> None:
    """Write the tables and the figure, and print the targets."""
    ordered = {name: document["parts"][name] for name in PARTS if name in document["parts"]}
    write_text(folder / "benchmark.md", page(document | {"parts": ordered}))
    figure = rates_figure(ordered)
    if figure is not None:
        figure.savefig(folder / "benchmark.png")
    print(target_table(targets(ordered)))
    print(folder / "benchmark.md")


def write_rows(folder: Path, quick: bool) -> tuple[Path, str]:
    """Write the digits that all contestants read, as .npy; return its path and what it holds."""
    path = folder / "digits.npy"
    try:
        rows, words = load_images("mnist").train_images[..., None], "real MNIST digits"
    except (ConfigError, OSError):
        random = np.random.default_rng(0)
        rows = random.integers(0, 256, DIGITS, np.uint8)
        words = "MNIST is not here: random bytes of its shape"
    np.save(path, rows[:6_000] if quick else rows)
    return path, words


def backend() -> str:
    """The kind of device that JAX computes on here, asked of another process."""
    code = "import jax; print(jax.default_backend())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def machine() -> dict[str, Any]:
    """What this runs on."""
    models = []
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def today() -> str:
    """The date, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


if __name__ == "__main__":
    run_script(main)
