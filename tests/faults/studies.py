"""A tiny study run by other processes, to be ended, starved and damaged; and what it must come to.

Processes are forked from one that has imported everything but has not started JAX: each begins in
no time, and is a process like any other.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import matplotlib
import numpy as np

import gan_jax

BASE = {"steps": 400, "log_every": 5, "batch_size": 16, "evaluation_samples": 32}
LOSSES = ("saturating", "non_saturating")
# What runs it: every segment a checkpoint, two devices unless told otherwise.
NURSERY = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's is ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and under nohup this
sys.path.insert(0, {tests!r})
import jax
import faults.studies as studies
import gan_jax.studies.engines, gan_jax.training.seeds, gan_jax.analysis.quality
import orbax.checkpoint, xarray, h5netcdf, pandas, pooch, filelock
for line in sys.stdin:
    process = os.fork()
    if not process:
        sys.stdin.close()
        try:
            exec(line)
        except BaseException as error:
            print(type(error).__name__ + ": " + str(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


def tiny(**changes):
    """The study: 2 variants x 4 seeds, a cell of two chunks each, 9 segments a chunk."""
    base = gan_jax.Experiment(**BASE)
    variants = {loss: {"loss": loss} for loss in LOSSES}
    fields = {"name": "tiny", "base": base, "variants": variants, "seeds": 4, "lanes": 2}
    return gan_jax.Study(**(fields | changes))


def ring():
    """A study on the ring: 2 variants x 4 seeds, about twenty seconds on 2 cores."""
    widths, data = (128, 128), {"data": "ring", "latent_dim": 2, "batch_size": 256}
    base = gan_jax.Experiment(
        **data, generator_hidden=widths, discriminator_hidden=widths, steps=3_000
    )
    return gan_jax.Study("ring", base, {loss: {"loss": loss} for loss in LOSSES}, 4, lanes=2)


def run(folder, devices=2, every=0.0, pause=0.0, study=None, **changes):
    """Run a study here, the tiny one by default; it may pause after each segment."""
    import jax

    gan_jax.keep_compiled_programs()
    jax.config.update("jax_num_cpu_devices", devices)
    return gan_jax.run_study(
        study or tiny(**changes),
        folder,
        checkpoint_every=every,
        observer=lambda *_: time.sleep(pause),
        command="a test",
    )


def command(*arguments, out, pause=0.0):
    """Be `gan-jax` with these arguments, its stdout a file; it may pause after each segment."""
    import jax

    from gan_jax.cli import main
    from gan_jax.reports.progress import TrainingProgress

    def slow(self, variant, segment):
        time.sleep(pause)
        shown(self, variant, segment)

    shown, TrainingProgress.__call__ = TrainingProgress.__call__, slow
    jax.config.update("jax_num_cpu_devices", 2)
    sys.argv = ["gan-jax", *arguments]
    opened = os.open(out, os.O_WRONLY | os.O_CREAT)
    os.dup2(opened, 1)
    code = main()
    sys.stdout.flush()
    os._exit(code)


def heed_permissions():
    """Let permissions mean something to this process, if it is root's (capset(2), version 3)."""
    if os.getuid() == 0:
        header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        assert ctypes.CDLL(None).capset(header, none) == 0


def end_at_rename(number, after, named="*"):
    """Let this process end itself by SIGKILL at the so-manieth renaming to such a name."""
    seen = [0]

    def ending(rename):
        def renamed(self, target):
            counts = fnmatch(Path(target).name, named)
            seen[0] += counts
            here = counts and seen[0] == number
            if here and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = rename(self, target)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return renamed

    Path.rename, Path.replace = ending(Path.rename), ending(Path.replace)


class Nursery:
    """Forks processes that each run a line of Python, one at a time."""

    def __init__(self, cache):
        self._process, self._heard = None, ""
        # A pipe, not a file: processes that may write no files have their say as well.
        self._errors, errors = os.pipe()
        os.set_blocking(self._errors, False)
        with contextlib.suppress(AttributeError):
            fcntl.fcntl(errors, fcntl.F_SETPIPE_SZ, 2**20)
        code = NURSERY.format(tests=str(Path(__file__).parents[1]))
        self._parent = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            bufsize=1,
            env=environment(cache),
        )
        os.close(errors)

    def start(self, line):
        """Start a process; return its number."""
        self._parent.stdin.write(line + "\n")
        self._process = int(self._parent.stdout.readline())
        return self._process

    def wait(self):
        """Wait for it; return its exit code, of one that was killed minus the signal."""
        self._process = None
        return int(self._parent.stdout.readline())

    def signal(self, number):
        """Send a signal to what runs; one that is done already hears nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, number)

    def end(self):
        """End what runs, if anything does: after a test that has failed."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self.wait()
            self.said()

    def run(self, line):
        self.start(line)
        return self.wait()

    def heard(self):
        """What the processes have written to stderr so far."""
        with contextlib.suppress(BlockingIOError):  # that is all
            while part := os.read(self._errors, 2**16):
                self._heard += part.decode()
        return self._heard

    def said(self):
        """What the processes have written to stderr since this was last asked."""
        text, self._heard = self.heard(), ""
        return text

    def close(self):
        self._parent.stdin.close()
        self._parent.wait()
        self._parent.stdout.close()
        os.close(self._errors)


def environment(cache):
    """This process's, with a cache of compiled programs that may be torn: no other test's."""
    kept = {name: x for name, x in os.environ.items() if "COMPILATION_CACHE" not in name}
    fonts = matplotlib.get_cachedir()  # takes a while to make
    return kept | {"OPENBLAS_NUM_THREADS": "1", "XDG_CACHE_HOME": str(cache), "MPLCONFIGDIR": fonts}


def wait_until(holds, seconds=120.0):
    """Wait until something holds; fail where it does not in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def checkpoints(folder):
    """The manifests of all checkpoints in a study's folder; it may change meanwhile."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(Path(folder).rglob("step-*/manifest.json"))
    return []


def assert_same_bits(results, expected, but=("wall_seconds",)):
    """Compare two results bit for bit, NaNs too; all but how long they took."""
    assert {*results.variables} == {*expected.variables}
    for name, x in expected.variables.items():
        if name in but:
            continue
        there, here = np.asarray(x.values), np.asarray(results[name].values)
        if there.dtype.kind in "OU":  # text, of whatever width
            same = there.tolist() == here.tolist()
        else:
            same = (there.dtype, there.shape) == (here.dtype, here.shape)
            same = same and there.tobytes() == here.tobytes()
        assert same, f"{name} differs"


def foreign(file, **more):
    """A lease that a process of another machine left."""
    file.write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "now"} | more))
