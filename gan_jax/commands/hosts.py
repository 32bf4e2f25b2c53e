"""Flags of a command that several processes run together, and who of them does what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from gan_jax.commands.flags import use_data_dir
from gan_jax.fields import ConfigError, shown


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostFlags:
    """One training over the devices of several processes: the same command in each of them."""

    coordinator: Annotated[str | None, arg(metavar="HOST:PORT")] = None
    """Where process 0 listens. Whoever reaches that port is let in: use a private network."""
    processes: int | None = None
    """How many processes take part; --batch-devices is a multiple of it."""
    process: int | None = None
    """Which of them this is, from 0. Process 0 alone writes and prints."""
    distributed: bool = False
    """In place of the three: let JAX ask the scheduler (SLURM, Open MPI, Kubernetes, Cloud TPU)."""

    def run(self, lead: Callable[[], object], data_dir: Path | None = None) -> None:
        """Call `lead`, of several processes in the first of them; the others take part in it.

        Args:
          lead: what the command does where nobody else takes part.
          data_dir: where the others look for the files of image data.

        Raises:
          ConfigError: for flags that do not go together, or processes that do not meet.
        """
        self._check()
        if self.coordinator is None and not self.distributed:
            lead()
            return
        from gan_jax.studies import hosts
        from gan_jax.training import processes
        from gan_jax.training.seeds import use_all_cores

        use_all_cores()
        processes.start(self.coordinator, self.processes, self.process)
        if not processes.is_first():
            use_data_dir(data_dir)
            hosts.follow()
            return
        with hosts.leading():
            lead()

    def _check(self) -> None:
        three = (self.coordinator, self.processes, self.process)
        if self.distributed and three != (None, None, None):
            raise ConfigError("distributed: given with coordinator, processes or process, not both")
        if three.count(None) in (1, 2):
            raise ConfigError("coordinator, processes, process: expected all three, or none")
        if self.coordinator is None or self.processes is None or self.process is None:
            return
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ConfigError(f"coordinator: {shown(self.coordinator)} given, expected HOST:PORT")
        if not 0 <= self.process < self.processes:
            raise ConfigError(
                f"process: {self.process} given, expected a number from 0 to processes - 1 "
                f"(processes: {self.processes})"
            )
