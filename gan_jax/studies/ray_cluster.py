"""A Ray cluster to be used: what is asked of it, and being connected to it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gan_jax.fields import ConfigError, check_whole
from gan_jax.files.said import say
from gan_jax.studies.leases import CELL_RETRIES

ANSWER = 10.0  # seconds to wait for one
# What Ray reads when it is imported; its name says one thing, and 0 means: listen on loopback.
LOOPBACK_ONLY = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


@dataclass(frozen=True, kw_only=True)
class OnRay:
    """A Ray cluster to run cells on: an engine for `run_study`. Needs the extra `ray`.

    Attributes:
      address: of a cluster, HOST:PORT, or "auto" on one of its machines. None: one of this machine
        alone, begun for this and ended after it, whose ports listen on loopback only.
      cell_cpus: cores that each cell gets; as many JAX CPU devices.
      cell_gpus: GPUs that each cell gets.
      cell_retries: how often a cell is run again whose process or machine is lost.
      imports: modules that register what the study names; each machine imports them first.

    Raises:
      ConfigError: for what cannot be asked of a machine.
    """

    address: str | None = None
    cell_cpus: int = 1
    cell_gpus: int = 0
    cell_retries: int = CELL_RETRIES
    imports: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("cell_cpus", 1), ("cell_gpus", 0), ("cell_retries", 0)):
            check_whole(name, getattr(self, name), least)


def imported_ray(settings: OnRay) -> Any:
    """Ray, which loads slowly and may not be there.

    Raises:
      ConfigError: saying what to install.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if settings.address is None and "ray" not in sys.modules:
        # Ray's ports take orders from whoever reaches them: alone, it listens on loopback.
        os.environ.setdefault(LOOPBACK_ONLY, "0")
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise ConfigError(
            "engine: ray needs Ray, expected after: pip install 'gan-jax[ray]'"
        ) from None
    return ray


@contextmanager
def connected(ray: Any, settings: OnRay) -> Iterator[None]:
    """Be a cluster's driver; of the one that a script is connected to already, if it is."""
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if settings.address is None:
        if LOOPBACK_ONLY not in os.environ:
            say(
                "ray was imported before: the ports of its cluster here listen on this machine's "
                f"own address, without a password ({LOOPBACK_ONLY}=0 before that keeps them local)"
            )
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        here = {"address": "local", "num_cpus": cores, "include_dashboard": False}
        if cores is not None and settings.cell_cpus > cores:
            raise ConfigError(
                f"cell_cpus: {settings.cell_cpus} given, expected at most {cores}, this machine's"
            )
    else:
        _check_answers(settings.address)
        here = {"address": settings.address}
    try:
        with _own_signals(), warnings.catch_warnings():
            # JAX has threads, and warns of forks; what Ray forks becomes another program at once.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            ray.init(**here, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise ConfigError(f"ray_address: no cluster of {settings.address!r} ({first})") from None
    try:
        has = ray.cluster_resources().get("GPU", 0)
        if settings.address is None and settings.cell_gpus > has:
            raise ConfigError(
                f"cell_gpus: {settings.cell_gpus} given, expected at most {has:g}, this machine's"
            )
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse an address at which nobody listens: Ray would try for minutes, in many words."""
    if address == "auto":
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal() and int(port) < 2**16):
        raise ConfigError(f"ray_address: {address!r} given, expected HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(f"ray_address: nobody answers at {address} ({why})") from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what is done on signals as it is: Ray puts its own in the place of SIGTERM's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
