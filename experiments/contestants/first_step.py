"""A preset's first training step in a fresh process: when it is done, and how long XLA compiled.

Called with a preset's name and, for data of digits, the path of their rows. Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

COMPILING = "/jax/core/compile/backend_compile_duration"


def first_step(preset: str, rows: str | None) -> dict[str, float]:
    """Train one seed for one step with everything on; `at` is on the system's monotonic clock."""
    import jax.monitoring

    compiling: list[float] = []

    def heard(event: str, duration_secs: float, **_: Any) -> None:
        if event == COMPILING:
            compiling.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(heard)
    import gan_jax

    gan_jax.use_all_cores()
    from gan_jax.analysis import quality

    given = {} if rows is None else {"data": rows}
    experiment = gan_jax.preset(preset, steps=1, log_every=1, **given)
    gan_jax.train_seeds(experiment, 1, evaluation=quality.evaluation(experiment))
    return {"at": time.monotonic(), "compile_seconds": sum(compiling)}


if __name__ == "__main__":
    _, name, *others = sys.argv
    print(json.dumps(first_step(name, others[0] if others else None)))
