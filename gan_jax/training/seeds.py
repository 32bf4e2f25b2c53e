"""One seed becomes many: vmapped lanes, chunks of them, spread over the devices.

Every chunk runs the same single-device program, dispatched from the host, so a seed's numbers do
not depend on how many devices there are, nor on which other seeds train beside it: only on the
number of lanes, which is therefore chosen by a rule and recorded. Where devices share batches they
are rows of devices that run the same program, and the numbers depend on how many are in a row too.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.config import Experiment
from gan_jax.data_facts import data_fingerprint
from gan_jax.game.program import make_program
from gan_jax.game.state import GanState
from gan_jax.packages import versions
from gan_jax.training import processes
from gan_jax.training.checkpoints import Checkpoints, Saved
from gan_jax.training.chunks import Chunk, Segment, record_steps
from gan_jax.training.interrupts import Interrupted, heard
from gan_jax.training.lanes import (
    RECORDS_PER_SEGMENT,
    check_batch_devices,
    check_lanes,
    check_seeds,
)
from gan_jax.training.loop import Evaluation
from gan_jax.training.named import digest
from gan_jax.training.rows import Row, device_rows


class Run(NamedTuple):
    """Whole trainings of many seeds; arrays are NumPy, leading axis = seed, in the order asked for.

    Attributes:
      seeds: the seeds [seed].
      states: final states; a diverged seed's is its last finite one.
      history: step statistics and measures by name, each [seed, record]; NaN at step 0 for what
        only a step can tell, and after a seed diverged.
      steps: the number of steps taken at each record [record].
      first_nonfinite_step: the first step whose result was not finite [seed]; -1 where none was.
      lanes: seeds in one vmap; on this and the next, and on nothing else, the bits depend.
      batch_devices: how many devices shared each batch.
    """

    seeds: np.ndarray
    states: GanState
    history: Mapping[str, np.ndarray]
    steps: np.ndarray
    first_nonfinite_step: np.ndarray
    lanes: int
    batch_devices: int = 1


def use_all_cores() -> int:
    """Make every CPU core a JAX device; call it before any JAX computation. Returns their number.

    Seeds then train side by side, a chunk a core, those of 16 cores by one compiled program (see
    `rows`). Small networks gain more from that than from threads inside one matrix product.

    Raises:
      RuntimeError: when JAX has already started with another number of CPU devices.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if jax.config.values["jax_num_cpu_devices"] != cores:
        jax.config.update("jax_num_cpu_devices", cores)
    return cores


def train_seeds(
    experiment: Experiment,
    seeds: int | Sequence[int],
    lanes: int | None = None,
    *,
    evaluation: Evaluation | None = None,
    on_segment: Callable[[Segment], None] | None = None,
    devices: Sequence[Any] | None = None,
    batch_devices: int = 1,
    seed_devices: int | None = None,
    checkpoints: Checkpoints | None = None,
) -> Run:
    """Train every seed of an experiment from its first step to its last.

    The devices are a mesh [seed_devices, batch_devices]. Among several processes of
    `jax.distributed`, all call this alike and have the same result; `on_segment` and `checkpoints`
    are the first's alone, from whose checkpoints all continue.

    Args:
      experiment: what to train.
      seeds: a count (0 .. n - 1) or the seeds themselves.
      lanes: seeds in one vmap; `lanes.default_lanes` by default. Results are bitwise equal between
        calls with equal lanes and batch_devices, whatever the devices and the other seeds.
      evaluation: what to measure at each record besides the step statistics.
      on_segment: called after each segment of each chunk, for progress and snapshots.
      devices: where to train; all by default. Of a CPU they say how many cores; all arrays may be
        on the first.
      batch_devices: how many devices share each batch, for a training too large for one. Results
        differ from one device's by rounding: sums over a batch are added up in another order.
      seed_devices: how many such rows of devices train side by side; by default as many as the
        devices make. Results do not depend on it.
      checkpoints: where training is kept while it goes on, and continued from: bitwise as if it had
        not been interrupted. What was trained before is shown to `on_segment` as one segment a
        chunk, `resumed`.

    Raises:
      ConfigError: for seeds, lanes or a mesh that cannot be, or checkpoints of another training.
      ElsewhereError: when another process has failed.
    """
    seeds = check_seeds(seeds)
    lanes = check_lanes(lanes, len(seeds))
    batch_devices = check_batch_devices(batch_devices, experiment)
    rows = device_rows(batch_devices, seed_devices, devices, lanes)
    evaluation = Evaluation() if evaluation is None else evaluation
    order = np.asarray(seeds, np.uint32)
    with processes.together():
        results = _train(experiment, order, lanes, rows, evaluation, on_segment, checkpoints)
    lane, history = jax.tree.map(lambda *chunks: np.concatenate(chunks), *results)
    recorded = record_steps(experiment.total_steps, experiment.record_every)
    first = lane.first_nonfinite_step
    return Run(order, lane.state, history, recorded, first, lanes, batch_devices)


def _train(
    experiment: Experiment,
    order: np.ndarray,
    lanes: int,
    rows: Sequence[Row],
    evaluation: Evaluation,
    on_segment: Callable[[Segment], None] | None,
    checkpoints: Checkpoints | None,
) -> list[Any]:
    """The results of every chunk of seeds, in their order."""
    program, steps = make_program(experiment), experiment.total_steps
    processes.check_same("data", (program.leaves, program.training_set, evaluation.inputs))
    same: dict[str, Any] = {}
    if checkpoints is not None:
        same = _identity(experiment, lanes, len(rows[0].devices), evaluation)
    waiting = deque(enumerate(order[i : i + lanes] for i in range(0, len(order), lanes)))
    running: dict[int, Chunk] = {}
    results: dict[int, Any] = {}
    unsaved: dict[int, Saved] = {}  # chunks that have ended since the last checkpoint

    def show(segment: Segment) -> None:
        if on_segment is not None:
            on_segment(segment)

    def settle() -> None:
        # Programs of several processes must run in the same order in all: one at a time.
        for chunk in running.values() if processes.several() else ():
            chunk.wait()

    def find(index: int, chunk_seeds: np.ndarray) -> Saved | None:
        saved = None
        if checkpoints is not None:
            saved = checkpoints.find(index, same | {"seeds": chunk_seeds.tolist()})
        step, arrays = (None, {}) if saved is None else saved
        step, arrays = processes.from_first(step, arrays)
        return None if step is None else Saved(step, arrays)

    def start_next(row: Row) -> None:
        if not waiting:
            return
        settle()
        index, chunk_seeds = waiting.popleft()
        saved = find(index, chunk_seeds)
        with _collector_paused():
            chunk = Chunk(
                program,
                evaluation,
                program.leaves,
                chunk_seeds,
                lanes,
                row,
                steps,
                experiment.record_every,
                saved,
            )
            if processes.several():
                processes.check_same("initial weights", chunk.lane)
            running[index] = chunk
            before = chunk.begin()
        if before is not None:
            show(before)

    def to_save() -> dict[int, Saved]:
        return unsaved | {index: chunk.saved() for index, chunk in running.items() if chunk.seen}

    def go_on() -> None:
        settle()
        try:
            processes.agree(heard())
        except Interrupted:
            if checkpoints is not None:
                checkpoints.save(to_save())
            raise

    try:
        for row in rows:
            start_next(row)
        while running:
            # In turn: each chunk has a segment ahead of the one waited for.
            for index, chunk in list(running.items()):
                go_on()
                segment = chunk.advance()
                if segment is None:
                    if checkpoints is not None:
                        unsaved[index] = chunk.saved()
                    results[index] = running.pop(index).result()
                    start_next(chunk.row)
                    continue
                show(segment)
                if checkpoints is not None:
                    checkpoints.after_segment(to_save)
                    for ended in [i for i, x in unsaved.items() if checkpoints.has(i, x)]:
                        del unsaved[ended]
    finally:
        # Interrupted: a process that ends while its devices compute dies of a segmentation fault.
        for chunk in running.values():
            chunk.give_up()
    return [results[index] for index in sorted(results)]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Python's search for reference cycles stands still within, if it was on.

    A chunk's beginning is mostly JAX's tracing, which makes so many objects, and keeps them, that
    the search goes through all of them over and over: a tenth of the time to a first step.
    """
    was_on = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if was_on:
            gc.enable()


def _identity(
    experiment: Experiment, lanes: int, batch_devices: int, evaluation: Evaluation
) -> dict[str, Any]:
    """What two trainings must have in common for one to continue the other, as plain Python."""
    measure = evaluation.measure
    return {
        "versions": versions(),
        "experiment": experiment.to_dict(),
        "data": data_fingerprint(experiment.data) or "by its name",
        "lanes": lanes,
        "batch_devices": batch_devices,
        "records_per_segment": RECORDS_PER_SEGMENT,
        "measure": f"{measure.__module__}.{measure.__qualname__}" if measure else "none",
        "measure_inputs": digest(evaluation.inputs),
        "x64": bool(jax.config.values["jax_enable_x64"]),
    }
