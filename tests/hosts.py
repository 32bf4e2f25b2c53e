"""Several processes on 127.0.0.1 that train together, each as if on a machine of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ALONE = """
import functools, sys, time
import jax
from jax._src.lib import _jax
import gan_jax.training.seeds as seeds

# What carries the sums listens where this machine's name points to: here, on the loopback only.
_jax.make_gloo_tcp_collectives = functools.partial(
    _jax.make_gloo_tcp_collectives, hostname="127.0.0.1"
)
seeds.use_all_cores = lambda: jax.config.update("jax_num_cpu_devices", {devices})
"""
COMMAND = (
    ALONE
    + """
from gan_jax.cli import main
from gan_jax.reports import watched
from gan_jax.reports.progress import TrainingProgress

def slow(self, variant, segment):
    time.sleep({pause})
    shown(self, variant, segment)

shown, TrainingProgress.__call__ = TrainingProgress.__call__, slow
# A report is the first process's own affair, and takes longer than all the rest.
watched.run_and_report = lambda study, out, export, track, every, engine: watched.run_visibly(
    study, out, checkpoint_every=every
)
sys.exit(main())
"""
)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(arguments, folders, devices=1, pause=0.0):
    """One process a folder, each with it as its working directory: `gan-jax` with arguments."""
    coordinator, running = f"127.0.0.1:{free_port()}", []
    for number, folder in enumerate(folders):
        flags = ["--coordinator", coordinator, "--processes", str(len(folders))]
        flags += ["--process", str(number)]
        running.append(alone([*arguments, *flags], folder, devices, pause))
    return running


def alone(arguments, folder, devices=1, pause=0.0):
    """One process: `gan-jax` with arguments, in a folder."""
    project = Path(__file__).parents[1]
    unlikely = ("JAX_NUM_CPU_DEVICES", "XLA_FLAGS")
    environment = {name: x for name, x in os.environ.items() if name not in unlikely}
    environment |= {"PYTHONPATH": str(project), "COLUMNS": "200"}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(devices=devices, pause=pause), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(running, seconds=300.0):
    """(exit code, stdout, stderr) of each process, when all have ended; none outlives this."""
    end = time.monotonic() + seconds
    try:
        outputs = [one.communicate(timeout=max(end - time.monotonic(), 1)) for one in running]
    finally:
        for one in running:
            if one.poll() is None:
                one.kill()
                one.communicate()
    return [(one.returncode, *output) for one, output in zip(running, outputs, strict=True)]


def wait_for(condition, running, seconds=300.0):
    """Wait until something is so, while processes run."""
    end = time.monotonic() + seconds
    while not condition():
        gone = [one for one in running if one.poll() is not None]
        if gone or time.monotonic() > end:
            for one in running:
                with contextlib.suppress(ProcessLookupError):
                    one.send_signal(signal.SIGKILL)
            said = [one.communicate() for one in running]
            raise AssertionError(f"not in {seconds} s, or ended before: {said}")
        time.sleep(0.05)
