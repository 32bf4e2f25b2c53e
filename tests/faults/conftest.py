"""What tests of faults share: a nursery of processes, and the study as it is undisturbed."""

import pytest

import gan_jax
from faults.studies import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory):
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture(autouse=True)
def nothing_goes_on(nursery):
    """A test that fails leaves no process behind."""
    yield
    nursery.end()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, nursery):
    """The folder and the results of the study, run by one process from beginning to end."""
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    assert nursery.run(f"studies.run({str(folder)!r})") == 0, nursery.said()
    return folder, gan_jax.load_results(folder)
