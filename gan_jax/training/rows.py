"""The devices as a mesh [seed, batch]: rows of devices, each of which trains one chunk of seeds.

With one device a row, the default, a row is a device, and its program the one-device program. With
more, a row shares out every batch among its devices: for one training that is too large for one.
The host sends chunks to rows; no program spans two of them, so that a seed's bits depend on how
many devices share a batch, and not on how many rows there are.

A CPU's devices are the same memory and the same cores, yet XLA compiles a program anew for each of
them. So up to 16 rows of one such device share the first one's program and memory, and each calls
it from a thread of its own: what one thread sends to a device, XLA runs in order; what several
send, side by side.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gan_jax.fields import ConfigError
from gan_jax.game.sharding import batch_mesh

# What is to be called, and where its result goes.
Turn = tuple[Future[Any], Callable[[], Any]]


class Row:
    """Devices that train one chunk together; of several processes, where there are several.

    Attributes:
      devices: in the order in which they hold a batch's parts.
    """

    def __init__(self, devices: Sequence[Any]) -> None:
        self.devices = tuple(devices)

    @cached_property
    def _mesh(self) -> Mesh:
        return batch_mesh(self.devices)

    def tracing(self) -> AbstractContextManager[Any]:
        """What is traced and run within shares out its batches, where there is more than one."""
        return nullcontext() if len(self.devices) == 1 else jax.set_mesh(self._mesh)

    def program(self, jitted: Any, statics: Sequence[Any], arrays: Sequence[Any]) -> Any:
        """A jitted function of its static arguments, for `submit` to call with such arrays."""
        del arrays
        return partial(jitted, *statics)

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Have a program called, in its turn; its results may be arrays yet to be computed."""
        with self.tracing():
            return known(call())

    def put_result(
        self, jitted: Any, statics: Sequence[Any], arrays: Sequence[Any]
    ) -> tuple[Any, Future[Any]]:
        """Call a jitted function on the default device, and put its result on this row.

        Returns its shapes and types at once, and in time the result itself.
        """
        result = self.put(jitted(*statics, *arrays))
        return jax.eval_shape(lambda x: x, result), known(result)

    def put(self, tree: Any) -> Any:
        """Arrays as each of the devices has them, whole."""
        if len(self.devices) == 1:
            return jax.device_put(tree, self.devices[0])
        sharding = NamedSharding(self._mesh, PartitionSpec())
        if sharding.is_fully_addressable:
            return jax.device_put(tree, sharding)

        # `device_put` would have the processes compare every array.
        def put(x: Any) -> jax.Array:
            x = np.asarray(x)
            return jax.make_array_from_callback(x.shape, sharding, lambda index: x[index])

        return jax.tree.map(put, tree)

    def fetch(self, tree: Any) -> Any:
        """Arrays of this row as the host's, once they are computed."""
        return jax.device_get(tree)


class CpuRow(Row):
    """A row that computes on one core, and shares a device's memory and program with others.

    Attributes:
      devices: the one that it stands for, by which it is told from the others.
      place: the one that has its arrays and its program.
      keeps_to_core: whether its thread computes alone what is not a matrix product, or XLA cuts it
        into parts, of whole rows of arrays, for all threads that it has (as many as cores).
    """

    # XLA has up to 32 programs of a device in flight, others wait; and of a row there are two, one
    # that runs and one ahead.
    ROWS_A_PLACE = 16

    # XLA's name for what cuts operations into parts.
    CUTTING = "cpu-parallel-task-assigner"

    def __init__(self, devices: Sequence[Any], number: int, keeps_to_core: bool = False) -> None:
        super().__init__(devices[number : number + 1])
        self.place = devices[number - number % self.ROWS_A_PLACE]
        self.keeps_to_core = keeps_to_core

    @cached_property
    def _calls(self) -> SimpleQueue[Turn | None]:
        # A thread that ends with the row; not an executor's, since Python stops those before it
        # waits for a script's own threads, one of which may be training.
        calls: SimpleQueue[Turn | None] = SimpleQueue()
        Thread(target=_serve, args=(calls,), daemon=True).start()
        weakref.finalize(self, calls.put, None)
        return calls

    def program(self, jitted: Any, statics: Sequence[Any], arrays: Sequence[Any]) -> Any:
        # By the caller's thread, whose settings of JAX the row's own does not have. What has been
        # compiled for another row of this place is found again.
        options = {"xla_disable_hlo_passes": self.CUTTING} if self.keeps_to_core else None
        return jitted.lower(*statics, *arrays).compile(compiler_options=options)

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        done = Future()
        self._calls.put((done, call))
        return done

    def put_result(
        self, jitted: Any, statics: Sequence[Any], arrays: Sequence[Any]
    ) -> tuple[Any, Future[Any]]:
        # Traced by the caller's thread, whose settings of JAX these are; compiled, or read, by the
        # row's own, while the caller's traces what comes next.
        lowered = jitted.lower(*statics, *arrays)
        return lowered.out_info, self.submit(lambda: self.put(lowered.compile()(*arrays)))

    def put(self, tree: Any) -> Any:
        return jax.device_put(tree, self.place)

    def fetch(self, tree: Any) -> Any:
        # They are the host's already, but are copied, so that a history keeps no device's arrays.
        # Of 24 arrays it takes 48 us, where `device_get`, which has all sent before it waits for
        # the first, takes 225 that the cores have seeds to train in.
        return jax.tree.map(np.array, tree)


def known(result: Any) -> Future[Any]:
    """A future of what is there already."""
    done = Future()
    done.set_result(result)
    return done


def _serve(calls: SimpleQueue[Turn | None]) -> None:
    """Make the calls that come, in order, until there is to be none."""
    while (turn := calls.get()) is not None:
        done, call = turn
        try:
            done.set_result(call())
        except BaseException as error:  # whatever it is, it is for the one who waits
            done.set_exception(error)
        del turn, done, call  # else the last results would be kept until the next


def device_rows(
    batch_devices: int = 1,
    seed_devices: int | None = None,
    devices: Sequence[Any] | None = None,
    lanes: int = 1,
) -> Sequence[Row]:
    """Reshape devices into rows: a mesh [seed_devices, batch_devices].

    Of several processes every row takes as many devices from each: each process then sees every
    chunk, and the first of them can speak for all.

    Args:
      batch_devices: how many devices share a batch.
      seed_devices: how many rows; by default as many as the devices make.
      devices: of which; all by default.
      lanes: seeds that train together. Several keep to a core, where a CPU has more: cut into parts
        for two cores that are both busy, the parabola takes 26 % more time with 2 lanes, 13 % with
        4 and 5 % with 16, and no preset takes less. One seed has idle cores take parts: without,
        dense digits take 5 % more time, convolutional ones 22 % (two cores, AVX-512). By the lanes
        alone, so that all chunks of a study run one program.

    Raises:
      ConfigError: where they do not make such rows.
    """
    devices = jax.devices() if devices is None else list(devices)
    by_process: dict[int, list[Any]] = defaultdict(list)
    for device in devices:
        by_process[device.process_index].append(device)
    n_processes, each = len(by_process), min(map(len, by_process.values()))
    if n_processes > 1 and batch_devices % n_processes:
        raise ConfigError(
            f"batch_devices: {batch_devices} given, expected a multiple of {n_processes}, the "
            "number of processes: each takes part in every batch (to spread seeds and variants "
            "instead, start processes that know nothing of each other)"
        )
    if batch_devices > len(devices):
        raise ConfigError(
            f"batch_devices: {batch_devices} given, expected at most the {_devices(devices)} there "
            "are"
        )
    if seed_devices is None and len(devices) % batch_devices:
        raise ConfigError(
            f"batch_devices: {batch_devices} given, expected a number that divides the "
            f"{_devices(devices)}, or seed_devices x batch_devices of them"
        )
    if n_processes * each < len(devices):
        counts = ", ".join(str(len(found)) for found in by_process.values())
        raise ConfigError(f"devices: {counts} by process, expected as many in each")
    width = batch_devices // n_processes  # of a row, in one process
    rows = each // width if seed_devices is None else seed_devices
    if rows * width > each or rows < 1:
        raise ConfigError(
            f"seed_devices: {seed_devices} given with batch_devices: {batch_devices}, expected a "
            f"product from {batch_devices} to {len(devices)}, the number of devices"
        )
    # Without jit nothing is compiled, and there is nothing to share. A search for NaN is asked of
    # one thread, the caller's, which must then make the calls.
    settings = ("jax_disable_jit", "jax_debug_nans", "jax_debug_infs")
    by_caller = any(getattr(jax.config, setting) for setting in settings)
    side_by_side = batch_devices == 1 and rows > 1 and not by_caller
    if side_by_side and all(device.platform == "cpu" for device in devices):
        return [CpuRow(devices, i, keeps_to_core=lanes > 1) for i in range(rows)]
    return [
        Row([one for found in by_process.values() for one in found[i * width : (i + 1) * width]])
        for i in range(rows)
    ]


def _devices(devices: Sequence[Any]) -> str:
    return "1 device" if len(devices) == 1 else f"{len(devices)} devices"
