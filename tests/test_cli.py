"""The command line as a user types it: the main job, its mistakes, its help."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import gan_jax
from gan_jax.cli import main
from gan_jax.commands.flags import parse_seeds
from gan_jax.config import FIELDS

TINY = ["--steps", "30", "--log-every", "10", "--batch-size", "16", "--evaluation-samples", "32"]


def test_compare_prints_a_table_writes_everything_and_is_then_complete(here, capsys):
    arguments = ["compare", "--seeds", "3", *TINY]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for word in (
        "compiling",
        "saturating",
        "non_saturating",
        "converged",
        "Wilson",
        "real against real",
    ):
        assert word in printed
    folder = here / "results" / "compare"
    for name in ("results.nc", "seeds.csv", "study.yaml"):
        assert (folder / name).stat().st_size > 0 and f"compare/{name}" in printed
    for name in ("quality_over_steps", "final_samples", "generator_gradient_norms"):
        assert (folder / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    results = gan_jax.load_results(folder)
    assert results.sizes["seed"] == 3 and results["step"].values.tolist() == [0, 10, 20, 30]

    assert main(arguments) == 0
    assert "complete, nothing to run" in capsys.readouterr().out
    assert main(["compare", "--seeds", "2", *TINY]) == 2
    assert "another study (seeds: 2 there, not here" in capsys.readouterr().err


def test_compare_gives_each_loss_the_parameters_it_has(here):
    losses = ["--losses", "alpha_saturating", "saturating"]
    given = ["--loss-parameters", "alpha_d", "0.5", "--seeds", "1", *TINY]
    assert main(["compare", *losses, *given]) == 0
    written = (here / "results/compare/study.yaml").read_text()
    variants = yaml.safe_load(written)["variants"]
    # Recorded whole, defaults included.
    assert variants["alpha_saturating"]["loss_parameters"] == {"alpha_d": 0.5, "alpha_g": 1.0}
    assert variants["saturating"] == {"loss": "saturating"}
    assert main(["compare", *losses, *given]) == 0  # the same study: complete


def test_every_field_of_an_experiment_is_a_flag(here, capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    for field in FIELDS:
        assert "--" + field.replace("_", "-") in printed
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert "--loss " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "--losses", "saturatin"], ["'saturatin'", "did you mean 'saturating'"]),
        (["compare", "--losses", "saturating", "saturating"], ["each once"]),
        (["compare", "--losses"], ["at least one"]),
        (["compare", "--seeds", "0"], ["seeds: 0"]),
        (["compare", "--seeds", "1,2,1"], ["1 is listed more than once"]),
        (["compare", "--seeds", "ten"], ["'ten'", "a count"]),
        (["compare", "--generator-learning-rate", "-1"], ["-1.0", "greater than 0"]),
        (["compare", "--discriminator-learning-rate", "nan"], ["nan", "finite"]),
        (["compare", "--batch-size", "7"], ["batch_size: 7", "even"]),
        (["compare", "--data", "parabol"], ["did you mean 'parabola'"]),
        (["compare", "--epochs", "3"], ["n_train"]),
        (["compare", "--steps", "3", "--epochs", "3", "--n-train", "256"], ["one of them"]),
        (["compare", "--lanes", "0"], ["lanes: 0"]),
        (["compare", "--out", "file/below"], ["cannot write", "file"]),
        (
            ["train", "--check-every", "1500", "--log-every", "100"],
            ["check_every: 1500", "the nearest is 2000"],
        ),
        (["train", "--check-every", "10"], ["1000 checks", "at most 20"]),
        (["stdy", "x.yaml"], ["'stdy' is no command", "did you mean 'study'"]),
        (["compare", "--checkpoint-every", "-1"], ["checkpoint_every: -1", "expected seconds"]),
        (["compare", "--lossess", "x"], ["'--lossess' is no flag here", "did you mean '--losses'"]),
        (["compare", "--loss", "saturating"], ["'--loss' is no flag", "did you mean '--losses'"]),
        (["train", "--bach-size", "3"], ["did you mean '--batch-size'"]),
        (["train", "--seeds", "9"], ["at most 8"]),
        (
            [
                "compare",
                "--losses",
                "hinge",
                "alpha_saturating",
                "--loss-parameters",
                "alfa_d",
                "2",
            ],
            ["'alfa_d'", "did you mean 'alpha_d'"],
        ),
        (["compare", "--moments", "-1"], ["moments: -1", "from 0 to 100"]),
        (["spectrum", "nowhere"], ["nowhere", "no study.yaml"]),
        (["study", "none.yaml"], ["none.yaml: No such file"]),
        (["study", "wrong.yaml"], ["wrong.yaml", "'sedes' is no key", "did you mean 'seeds'"]),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(here, capsys, arguments, words):
    Path("file").write_text("in the way")
    Path("wrong.yaml").write_text("name: a\nsedes: 3\nvariants: {a: {}}")
    before = sorted(here.rglob("*"))
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("gan-jax: ") and printed.err.count("\n") == 1
    assert "Traceback" not in printed.err and not printed.out
    for word in words:
        assert word in printed.err
    assert sorted(here.rglob("*")) == before  # nothing written


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "no command given; choices: compare, study, "),
        (["list", "lossses"], "invalid choice 'lossses' for argument 'what'. Expected one of ('pr"),
        (["compare", "--steps", "1e3"], "--steps: no type matching {None}|INT could be instantiat"),
        (
            ["verdicts", "x"],
            "Missing from gan-jax verdicts: --criteria PATH YAML: thresholds by n",
        ),
        (["study", "x.yaml", "--engine", "spark"], "invalid choice 'spark' for argument '--engine"),
        (
            ["study", "x.yaml", "--cell-cpus", "two"],
            "--cell-cpus: invalid literal for int() with ",
        ),
    ],
)
def test_what_cannot_be_parsed_is_one_line(here, capsys, monkeypatch, arguments, line, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"gan-jax: {line}") and said.err.count("\n") == 1 and not said.out


def test_study_runs_a_file(here, capsys):
    Path("rates.yaml").write_text(
        "name: rates\nseeds: [4, 2]\n"
        "base: {steps: 20, log_every: 10, batch_size: 16, evaluation_samples: 32}\n"
        "variants:\n"
        "  slow: {generator_learning_rate: 1e-4}\n"
        "  fast: {generator_learning_rate: 1e-2}\n"
    )
    assert main(["study", "rates.yaml"]) == 0
    assert "slow" in capsys.readouterr().out
    results = gan_jax.load_results("results/rates")
    assert results["seed"].values.tolist() == [4, 2]
    assert results["variant"].values.tolist() == ["slow", "fast"]
    # A study's own record is a study file too.
    assert main(["study", "results/rates/study.yaml", "--out", "again"]) == 0
    again = gan_jax.load_results("again")
    assert again["generator_loss"].equals(results["generator_loss"])


@pytest.mark.parametrize("arguments", [["--steps", "300"], ["--steps", "300", "--log-every", "30"]])
def test_train_needs_no_thought_about_segments(here, arguments):
    assert main(["train", "--batch-size", "16", "--evaluation-samples", "32", *arguments]) == 0


def test_train_checks_every_so_often_and_draws_the_checks(here, capsys):
    arguments = ["train", "--seeds", "7,", "--check-every", "100", *TINY, "--steps", "250"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    for step in ("100", "200", "250"):
        assert f" {step} " in printed
    assert "checks.png" in printed
    assert (here / "results/train/figures/checks.png").read_bytes().startswith(b"\x89PNG")
    assert main(arguments) == 0
    assert "complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    "what",
    [
        "losses",
        "penalties",
        "data",
        "networks",
        "activations",
        "initializations",
        "normalizations",
        "updates",
        "optimizers",
        "schedules",
    ],
)
def test_list_prints_names_formulas_and_sources(capsys, what):
    from gan_jax.catalogue import CATALOGUE

    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    entries = CATALOGUE[what].entries
    for line, (name, entry) in zip(lines, entries.items(), strict=False):
        assert line.startswith(name) and entry.summary in line and entry.source in line
    assert lines[len(entries) :] == (
        ["", *CATALOGUE[what].legend.splitlines()] if CATALOGUE[what].legend else []
    )


def test_presets_are_listed_with_what_they_change_and_are_the_flags_defaults(here, capsys):
    from gan_jax.presets import PRESETS

    assert main(["list", "presets"]) == 0
    printed = capsys.readouterr().out
    for name, fields in PRESETS.items():
        assert f"\n{name} " in "\n" + printed
        assert all(f"{field}={value}" in printed for field, value in fields.items())
    assert main(["summary", "--preset", "mnist_dcgan", "--generator-hidden", "8", "4"]) == 0
    assert "generator: convolutional" in capsys.readouterr().out
    assert main(["summary", "--preset", "mnits"]) == 2
    assert "did you mean 'mnist'" in capsys.readouterr().err


def test_summary_shows_the_networks_parameters(capsys):
    assert main(["summary"]) == 0
    printed = capsys.readouterr().out
    for words in ("generator: dense, 122", "discriminator: dense, 101", "together 223 parameters"):
        assert words in printed


def test_every_registry_can_be_listed():
    from typing import get_args, get_type_hints

    from gan_jax import cli
    from gan_jax.catalogue import CATALOGUE

    choices = get_args(get_type_hints(cli.List)["what"])
    assert sorted(choices) == sorted(["presets", *CATALOGUE])


def test_seeds_are_a_count_or_a_list():
    assert parse_seeds("64") == 64
    assert parse_seeds("3,5,8") == (3, 5, 8)
    assert parse_seeds("3,") == (3,)


def test_help_and_mistakes_answer_without_loading_jax():
    code = (
        "import sys; from gan_jax.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('jax', 'scipy', 'matplotlib', 'xarray')))"
    )
    for arguments in (
        ["--help"],
        ["compare", "--help"],
        ["list", "losses"],
        ["compare", "--seeds", "0"],
    ):
        command = [sys.executable, "-c", code, *arguments]
        assert subprocess.run(command, capture_output=True).returncode == 0, arguments


def test_the_command_line_uses_every_core(tmp_path):
    code = (
        "import sys, os, jax\n"
        "from gan_jax.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert len(jax.devices()) == len(os.sched_getaffinity(0))"
    )
    arguments = ["compare", "--losses", "saturating", "--seeds", "1", *TINY]
    subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, check=True)


def test_a_reader_who_has_had_enough_is_no_error(tmp_path):
    # `gan-jax list losses | true`: the pipe is closed before anything is written.
    command = f"{sys.executable} -m gan_jax list losses"
    ended = subprocess.run(["sh", "-c", f"(sleep 1; {command}) | true"], capture_output=True)
    assert b"Traceback" not in ended.stderr and b"Broken pipe" not in ended.stderr


def test_the_version_is_the_packages(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gan-jax {gan_jax.__version__}\n"


def test_a_study_in_which_every_seed_dies_at_once_is_reported(here, capsys):
    rates = ["--generator-learning-rate", "1e30", "--discriminator-learning-rate", "1e30"]
    assert main(["compare", "--optimizer", "sgd", *rates, "--seeds", "2", *TINY]) == 0
    printed = capsys.readouterr().out
    assert "100 %" in printed and "failed" in printed
    page = (here / "results/compare/report.html").read_text()
    assert "saturating converged in 0\N{NO-BREAK SPACE}% of 2 seeds" in page
