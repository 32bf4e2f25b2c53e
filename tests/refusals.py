"""What tests of refusals share: one line that says why, and little memory taken to find out."""

import tracemalloc
from contextlib import contextmanager

import pytest

from gan_jax.fields import ConfigError

PEAK = 4_000_000  # bytes: far below what the hostile files of the tests claim or expand to


def refused(call, *words):
    """Assert that a call is refused in one line that has the words; return the line."""
    with pytest.raises(ConfigError) as refusal:
        call()
    line = str(refusal.value)
    assert "\n" not in line and all(word in line for word in words), line
    return line


@contextmanager
def frugal():
    """Assert that little is allocated at any one time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < PEAK
    finally:
        tracemalloc.stop()
