"""The memory of a long run of many seeds: at its peak, and at every tenth of the way.

Called with the numbers of seeds and of steps. Prints a line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from contestants.protocol import peak_bytes, resident_bytes


def watched_run(seeds: int, steps: int) -> dict[str, Any]:
    """Train the parabola with everything on; resident bytes at each tenth of all seed-steps."""
    import gan_jax

    gan_jax.use_all_cores()
    from gan_jax.analysis import quality

    experiment = gan_jax.preset("parabola", steps=steps)
    done, resident = 0, []

    def look(segment: Any) -> None:
        nonlocal done
        done += len(segment.seeds) * (segment.stop - segment.start)
        while len(resident) < 10 * done // (seeds * steps):
            resident.append(resident_bytes())

    started = time.perf_counter()
    gan_jax.train_seeds(
        experiment, seeds, evaluation=quality.evaluation(experiment), on_segment=look
    )
    seconds = time.perf_counter() - started
    # The kernel counts both in passing, and may have noted the peak a few pages short.
    peak = max(peak_bytes(), *resident)
    return {"resident_bytes": resident, "peak_bytes": peak, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(watched_run(int(sys.argv[1]), int(sys.argv[2]))))
