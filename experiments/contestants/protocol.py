"""How a contestant is spoken to: a process that answers lines of JSON, one for each it is sent.

    {"prepare": {"work": "parabola", "seeds": 128, "rows": null, "options": {}}}
        -> {"versions": {...}, "note": "...", "losses": {...}}   imported, compiled, one step taken
    {"run": 1000} -> {"seconds": 1.2, "losses": {...}}
    {"stop": true} -> {"peak_bytes": 123}

A contestant that cannot answers {"error": "why"}. Between lines it waits in a read, which takes no
core from the one that runs.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from contestants.works import WORKS, Layers, Work

FOLDER = Path(__file__).parents[1]


class Contestant(Protocol):
    """What a contestant's process does when it is told to; losses are means over the seeds.

    `load`, `step_on` and `layers` are for the check that all take the same step.
    """

    versions: dict[str, str]
    note: str

    def run(self, steps: int) -> dict[str, float]:
        """Train so many steps, to the end of the last; return the last one's losses."""
        ...

    def load(self, generator: Layers, discriminator: Layers) -> None:
        """Give every seed these weights, and optimisers that have taken no step."""
        ...

    def step_on(self, batch: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Take one step on `z_discriminator`, `x_real`, `z_generator`, each [n, ...]."""
        ...

    def layers(self) -> tuple[Layers, Layers]:
        """The generator's and the discriminator's weights, of the last seed."""
        ...


# (work, seeds, path of the rows [n, 28, 28, 1] of digits or None, options) -> Contestant.
Preparation = Callable[[Work, int, Path | None, Mapping[str, Any]], Any]


def serve(prepare: Preparation) -> None:
    """Answer until told to stop, or until nobody asks any more."""
    # Libraries print as they like: what they print goes to stderr, our lines to the real stdout.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    contestant = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if "prepare" in message:
                asked = message["prepare"]
                rows = None if asked["rows"] is None else Path(asked["rows"])
                contestant = prepare(WORKS[asked["work"]], asked["seeds"], rows, asked["options"])
                answer = {"losses": contestant.run(1)}
                answer |= {"versions": contestant.versions, "note": contestant.note}
            elif "run" in message:
                assert contestant is not None, "run before prepare"
                started = time.perf_counter()
                losses = contestant.run(message["run"])
                answer = {"seconds": time.perf_counter() - started, "losses": losses}
            else:
                answers.write(json.dumps({"peak_bytes": peak_bytes()}) + "\n")
                return
        except Exception as error:  # whatever a framework raises is this contestant's own failure
            answer = {"error": f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"}
        answers.write(json.dumps(answer) + "\n")


def peak_bytes() -> int:
    """The most memory this process has held.

    Linux's own counter of this program where there is one: `ru_maxrss` would begin with what the
    process that started it held.
    """
    try:
        return _status_bytes("VmHWM")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def resident_bytes() -> int:
    """The memory this process holds now; the most it has held where the system does not say."""
    try:
        return _status_bytes("VmRSS")
    except OSError:
        return peak_bytes()


def _status_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


class ContestantError(Exception):
    """A contestant could not do what it was asked; the message says why, in one line."""


class Asked:
    """A contestant's process, seen from the benchmark's."""

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        path = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH", "")]))
        self.module = module
        self._stderr_tail: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": path} | dict(environment or {}),
        )
        self._reader = threading.Thread(target=self._keep_stderr, daemon=True)
        self._reader.start()

    def _keep_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._stderr_tail = [*self._stderr_tail[-4:], line.strip()]

    def ask(self, message: Mapping[str, Any], limit: float = 900.0) -> dict[str, Any]:
        """Send a line, and return the answer.

        Raises:
          ContestantError: when it answers with an error, ends, or takes more than `limit` seconds.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()  # before the process ends, so that whoever sees the end knows why
            self._process.kill()

        timer = threading.Timer(limit, give_up)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if late.is_set() or not line:
            raise ContestantError(f"{self.module}: {self._end(late.is_set(), limit)}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantError(f"{self.module}: {answer['error']}")
        return answer

    def _end(self, late: bool, limit: float) -> str:
        if late:
            return f"no answer in {limit:g} s"
        self._process.wait()
        self._reader.join(1)
        last = next((line for line in reversed(self._stderr_tail) if line), "")
        return f"ended with exit code {self._process.returncode}: {last}"

    def stop(self) -> int:
        """Let the process end; return the most memory it held, in bytes."""
        try:
            return self.ask({"stop": True}, limit=60)["peak_bytes"]
        finally:
            self.close()

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process.poll() is None and self._process.stdin is not None:
            self._process.stdin.close()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._reader.join(1)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
