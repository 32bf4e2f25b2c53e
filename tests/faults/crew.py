"""Several processes at a time on one study: workers, to be killed and stopped; what they ran."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax

from faults.studies import tiny, wait_until
from gan_jax.studies import workers

RATES = {f"rate_{k}": {"generator_learning_rate": 1e-3 * (1 + k)} for k in range(4)}
# Forks at a line "run CODE" and says the process's number; at "wait NUMBER" its exit code.
SERVER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.path.insert(0, {tests!r})
import faults.crew as crew
import gan_jax.studies.engines, gan_jax.training.seeds, gan_jax.analysis.quality
import orbax.checkpoint, xarray, h5netcdf, pandas
for line in sys.stdin:
    verb, _, rest = line.partition(" ")
    if verb == "wait":
        print(os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1]), flush=True)
        continue
    process = os.fork()
    if not process:
        sys.stdin.close()
        try:
            exec(rest)
        except BaseException as error:
            print(type(error).__name__ + ": " + str(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    print(process, flush=True)
"""


def work(folder, log, pause=0.0, lease=60.0, bad=None, deadly=None, variants=RATES, retries=3):
    """Be a worker: note each cell's end in a file; pause after each segment; fail or die of one."""
    jax.config.update("jax_num_cpu_devices", 1)
    run_cell = workers.run_cell

    def noted(study, cell, *others):
        if cell.variant == bad:
            note(log, f"failed {cell.variant}")
            wait_until((Path(log).parent / "go").exists)
            raise RuntimeError("out of luck")
        if cell.variant == deadly:
            note(log, f"killed {cell.variant}")
            os.kill(os.getpid(), signal.SIGKILL)
        run_cell(study, cell, *others)
        note(log, cell.variant)

    workers.run_cell = noted
    workers.run_worker(
        tiny(variants=variants),
        folder,
        lease_seconds=lease,
        checkpoint_every=0.0,
        cell_retries=retries,
        observer=lambda *_: time.sleep(pause),
        command="a test",
    )


def note(log, line):
    """Add a line to a file that others add to as well."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


class Crew:
    """Forks processes that each run a line of Python, any number at a time."""

    def __init__(self, errors):
        self._errors, self._running = errors, set()
        with errors.open("a") as stderr:
            self._server = subprocess.Popen(
                [sys.executable, "-W", "ignore::DeprecationWarning", "-c",
                 SERVER.format(tests=str(Path(__file__).parents[1]))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, bufsize=1,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip

    def _ask(self, line):
        self._server.stdin.write(line + "\n")
        return int(self._server.stdout.readline())

    def start(self, line):
        process = self._ask(f"run {line}")
        self._running.add(process)
        return process

    def wait(self, process):
        """Its exit code; of one that was killed minus the signal."""
        self._running.remove(process)
        return self._ask(f"wait {process}")

    def run(self, line):
        return self.wait(self.start(line))

    def end(self):
        """End what still runs: after a test that has failed."""
        for process in list(self._running):
            for number in (signal.SIGKILL, signal.SIGCONT):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, number)
            self.wait(process)
        return self.said()

    def said(self):
        """What the processes have written to stderr since this was last asked."""
        text = self._errors.read_text()
        self._errors.write_text("")
        return text

    def close(self):
        self.end()
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()
