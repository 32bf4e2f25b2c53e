"""Any damage to any file that is read: it is told in one line, or does no harm. Hypothesis."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS, alike, damaged

from gan_jax.fields import ConfigError


@pytest.fixture(scope="module", params=READERS)
def valid(request, tmp_path_factory):
    """A reader, the path of a valid file of its kind, its bytes, and what they say."""
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_JAX_CACHE", str(folder))
        reader = READERS[request.param]
        path = reader.write(folder)
    return reader, path, path.read_bytes(), reader.read(path)


def test_a_whole_file_is_read_the_same_twice(valid):
    reader, path, content, said = valid
    path.write_bytes(content)
    assert alike(reader.read(path), said)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**64 - 1))
def test_a_damaged_file_is_refused_in_one_line_or_is_harmless(valid, seed):
    reader, path, content, said = valid
    path.write_bytes(damaged(content, random.Random(seed)))
    try:
        found = reader.read(path)
    except ConfigError as error:
        assert "\n" not in str(error) and str(error).isprintable()
    else:
        assert not reader.verified or alike(found, said)
