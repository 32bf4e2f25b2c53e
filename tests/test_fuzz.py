"""Minutes of random damage to every kind of file that is read; the summary says how much.

GAN_JAX_FUZZ_SECONDS: for all readers together (20).
"""

import faulthandler
import os
import random
import sys
import time
from collections import Counter

import pytest
from readers import READERS, alike, damaged

from gan_jax.fields import ConfigError

SECONDS = float(os.environ.get("GAN_JAX_FUZZ_SECONDS", "20"))
PATIENCE = 30  # seconds for one small file, after which a reader hangs


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_no_damage_surprises_a_reader(name, tmp_path, monkeypatch, record_property):
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path))
    reader = READERS[name]
    path = reader.write(tmp_path)
    content, said = path.read_bytes(), reader.read(path)
    counts, stop, seed = Counter(), time.monotonic() + SECONDS / len(READERS), 0
    while time.monotonic() < stop:
        path.write_bytes(damaged(content, random.Random(seed)))
        faulthandler.dump_traceback_later(PATIENCE, exit=True, file=sys.__stderr__)
        try:
            found = reader.read(path)
        except ConfigError as error:
            assert "\n" not in str(error) and str(error).isprintable(), seed
            counts["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"{name}: seed {seed} of `damaged`") from error
        else:
            assert not reader.verified or alike(found, said), seed
            counts["read"] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()
        seed += 1
    assert counts["refused"] > 0
    record_property(
        "said", f"{name}: {seed:,} damaged files, {counts['refused']:,} refused in one line each"
    )
