"""Settings for every test (four CPU devices, JAX's strict modes), and what many of them use.

Most of the suite's time would be compiling, and hardly a test depends on how well that is done: XLA
optimises little here, which takes less than half of the time.
`JAX_DISABLE_MOST_OPTIMIZATIONS=0 pytest` compiles as users do; `.ci/run` does so with the tests
marked `bits`.
"""

import atexit
import os
import shutil
import tempfile
from importlib.metadata import version
from types import SimpleNamespace

import pytest

os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# XLA's older emitters of fused loops take half the time of its newer ones; later versions have the
# newer ones only, and refuse to start with the flag.
if os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1" and version("jaxlib").startswith("0.10."):
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
# The processes of a run share what each has compiled.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # else another process of this run has set it
    compiled = tempfile.mkdtemp(prefix="gan-jax-tests-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

import jax
import pooch
from hypothesis import settings
from image_files import REAL, tiny_collection
from setups import exported_study, tiny_study

import gan_jax
from gan_jax.files import images
from gan_jax.studies.export import export_generators

# Properties are tried on the same examples every time; --hypothesis-profile=fuzz, on many others.
settings.register_profile("quick", max_examples=100, deadline=None, database=None, derandomize=True)
settings.register_profile("fuzz", max_examples=20_000, deadline=None, database=None)
settings.load_profile("quick")

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_legacy_prng_key", "error")


def pytest_collection_modifyitems(config, items):
    """The soak is run by `-m soak` and by nothing else."""
    if "soak" in config.getoption("-m"):
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    items[:] = [item for item in items if item not in soak]
    config.hook.pytest_deselected(items=soak)


def pytest_terminal_summary(terminalreporter):
    """Show what tests have to say for themselves, from whichever process they ran in."""
    lines = [
        line
        for report in terminalreporter.getreports("passed")
        for name, line in report.user_properties
        if name == "said"
    ]
    if lines:
        terminalreporter.section("what tests say")
    for line in lines:
        terminalreporter.write_line(line)


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_go():
    """Each module compiles for itself: kept for all, the programs take gigabytes."""
    yield
    jax.clear_caches()


@pytest.fixture
def optimised():
    """Have XLA optimise after all, for a test that computes for minutes."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
    jax.clear_caches()


@pytest.fixture
def registered():
    """Put entries into registries for one test: `registered(LOSSES, "mine", loss)`."""
    added = []

    def register(registry, name, entry):
        assert name not in registry
        registry[name] = entry
        added.append((registry, name))

    yield register
    for registry, name in added:
        del registry[name]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory, and a command line that leaves the test's devices as they are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gan_jax.training.seeds.use_all_cores", lambda: None)
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder and the results of the tiny study, run once."""
    folder = tmp_path_factory.mktemp("results") / "tiny"
    return folder, gan_jax.run_study(tiny_study(), folder)


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A finished study and its folder, all its generators exported."""
    folder, study = tmp_path_factory.mktemp("export") / "run", exported_study()
    gan_jax.run_study(study, folder)
    paths = export_generators(folder)
    assert len(paths) == 6 and all(path.exists() for path in paths)
    return study, folder


@pytest.fixture
def written(tmp_path):
    """Write bytes to a file: `written(content, name)` -> its path."""

    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def collections(monkeypatch, tmp_path):
    """Tiny collections in place of the real ones, an empty cache, no GAN_JAX_DATA."""
    mnist, packed = tiny_collection(0)
    fashion, fashion_packed = tiny_collection(23, hashed=False)
    monkeypatch.setitem(images.COLLECTIONS, "mnist", mnist)
    monkeypatch.setitem(images.COLLECTIONS, "fashion_mnist", fashion)
    monkeypatch.delenv(images.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    cache = tmp_path / "cache" / "gan_jax"
    return SimpleNamespace(mnist=packed, fashion_mnist=fashion_packed, cache=cache)


@pytest.fixture
def digits(monkeypatch, tmp_path_factory):
    """The real MNIST, from beside the project, and a classifier that has hardly been trained."""
    if not (REAL / "mnist").is_dir():
        pytest.skip("needs MNIST's files in ../shared/data/mnist")
    monkeypatch.setenv("GAN_JAX_DATA", str(REAL))
    monkeypatch.setenv("GAN_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))
    from gan_jax.analysis import classifier, classifier_file

    monkeypatch.setitem(classifier_file.LEAST_ACCURACY, "mnist", 0.0)
    parameters = classifier.initial_parameters(jax.random.key(0))
    untrained = classifier.Classifier(parameters, 0.1, classifier.fingerprint(parameters))
    classifier_file.store_classifier("mnist", untrained, 0)
