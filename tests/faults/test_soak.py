"""The soak, `pytest -m soak`: a study on the ring ended again and again, always the same bits.

GAN_JAX_SOAK_SECONDS: how long (900). GAN_JAX_SOAK_SEED: of the random moments (0).
"""

import os
import random
import signal
import time
from collections import Counter

import pytest

import gan_jax
from faults.studies import assert_same_bits, checkpoints

SECONDS = float(os.environ.get("GAN_JAX_SOAK_SECONDS", "900"))
SEED = int(os.environ.get("GAN_JAX_SOAK_SEED", "0"))
LONGEST = 15.0  # seconds before a process is ended
# What ends it: SIGKILL mostly, the signals that let it save, and a rename it does not survive.
ENDINGS = ("SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM", "SIGINT", "rename")


@pytest.mark.soak
def test_a_study_on_the_ring_survives_a_quarter_of_an_hour_of_kills(
    tmp_path, nursery, record_property
):
    def line(folder):
        return f"studies.run({str(folder)!r}, study=studies.ring(), every=1.0)"

    assert nursery.run(line(tmp_path / "undisturbed")) == 0, nursery.said()
    expected = gan_jax.load_results(tmp_path / "undisturbed")
    moments, ended, studies, resumed = random.Random(SEED), Counter(), 0, 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until or not studies:
        folder = tmp_path / f"{studies}"
        resumed += bool(checkpoints(folder))
        ending = moments.choice(ENDINGS)
        renamed = f"studies.end_at_rename({moments.randint(1, 30)}, {moments.random() < 0.5}); "
        nursery.start((renamed if ending == "rename" else "") + line(folder))
        time.sleep(moments.uniform(0.2, LONGEST))
        if ending != "rename":
            nursery.signal(getattr(signal, ending))
        code = nursery.wait()
        if code == 0:
            assert_same_bits(gan_jax.load_results(folder), expected)
            studies += 1
            continue
        # An exception that is raised once all is kept ends a script with exit code 1.
        expected_codes = {
            "SIGTERM": (1, -signal.SIGTERM),
            "SIGINT": (1,),
        }  # heard not quite from the first
        assert code in expected_codes.get(ending, (-signal.SIGKILL,)), nursery.said()
        ended[ending] += 1
    words = ", ".join(f"{count} by {ending}" for ending, count in sorted(ended.items()))
    record_property(
        "said",
        f"soak: {ended.total()} processes ended ({words}), {resumed} began from a checkpoint; "
        f"{studies} studies on the ring ended with the bits of the undisturbed one",
    )
