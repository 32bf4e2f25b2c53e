"""Programs kept between processes: where, for whom, and not at any price."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.files import compiled

TRAIN = """
import sys
import gan_jax
folder = gan_jax.keep_compiled_programs()
if sys.argv[1:] == ["late"]:
    assert "jax" in sys.modules
import jax
import jax.monitoring
seen = []
jax.monitoring.register_event_listener(lambda name, **_: seen.append(name))
gan_jax.train_seeds(gan_jax.Experiment(steps=3, evaluation_samples=4), 2)
print(folder, seen.count("/jax/compilation_cache/cache_hits"))
"""


def trained(home, code=TRAIN, **variables):
    """The folder and the number of programs found in it, of a process with another home."""
    environment = {name: x for name, x in os.environ.items() if not name.startswith("JAX_")}
    environment |= {"XDG_CACHE_HOME": str(home), "HOME": str(home)} | variables
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    folder, hits = done.stdout.rsplit(maxsplit=1)
    return folder, int(hits)


@pytest.mark.parametrize("code", [TRAIN, "import jax\n" + TRAIN], ids=["before", "after"])
def test_a_second_process_finds_what_the_first_has_compiled(tmp_path, code):
    folder, hits = trained(tmp_path, code)
    assert hits == 0
    assert Path(folder).is_relative_to(tmp_path) and any(Path(folder).iterdir())
    again, hits = trained(tmp_path, code)
    assert again == folder and hits >= 2  # the weights' program and the training's


def test_what_the_user_has_set_stands(tmp_path):
    mine = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "mine")}
    mine |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    folder, _ = trained(tmp_path / "home", **mine)
    assert folder == str(tmp_path / "mine") and any((tmp_path / "mine").iterdir())
    assert trained(tmp_path / "home", JAX_COMPILATION_CACHE_DIR="") == ("None", 0)
    assert not (tmp_path / "home").exists()


def test_damaged_programs_are_compiled_anew(tmp_path):
    folder, _ = trained(tmp_path)
    for path in Path(folder).glob("*-cache"):
        path.write_bytes(path.read_bytes()[:100])
    code = TRAIN.replace(
        "import gan_jax\n", "import gan_jax, warnings\nwarnings.simplefilter('ignore')\n"
    )
    assert trained(tmp_path, code) == (folder, 0)


def test_without_a_place_to_write_training_goes_on(tmp_path):
    (tmp_path / "home").write_text("no folder")
    assert trained(tmp_path / "home") == ("None", 0)


def test_another_processor_has_another_folder(monkeypatch):
    here = compiled.processor()
    assert here == compiled.processor()
    monkeypatch.setattr(compiled.Path, "read_text", lambda path: "flags : sse2 only")
    assert compiled.processor() != here


def test_a_program_written_in_part_is_removed(tmp_path, monkeypatch):
    monkeypatch.delenv(compiled.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder, _ = trained(tmp_path)
    whole = {path for path in Path(folder).iterdir() if path.name.endswith("-cache")}
    torn = Path(folder) / "jit_f-0123-cache"
    torn.write_bytes(next(iter(whole)).read_bytes()[:100])
    _, hits = trained(tmp_path)
    assert hits >= 2 and not torn.exists() and all(path.exists() for path in whole)
