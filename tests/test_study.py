"""Studies as values: what is refused, and the round trip through YAML."""

import pytest
import yaml
from setups import tiny_study

import gan_jax
from gan_jax.config import ConfigError
from gan_jax.studies.files import read_yaml
from gan_jax.studies.study import Study


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../up"}, "name: '../up' given"),
        ({"name": ""}, "name: '' given"),
        ({"variants": {}}, "at least one name"),
        ({"variants": {"a/b": {}}}, "variant: 'a/b' given"),
        ({"variants": {"a": {}, "A": {}}}, "differ in case only"),
        (
            {"variants": {"a": {"los": "hinge"}}},
            "variant a: 'los' is no field.*did you mean 'loss'",
        ),
        ({"variants": {"a": {"loss": "hing"}}}, "variant a: loss: 'hing' given"),
        ({"grown_from": [3]}, "grown_from: .* expected increasing numbers of seeds below 3"),
        ({"variants": {"a": None}}, "variant a: None given"),
        ({"seeds": 0}, "seeds: 0 given"),
        ({"seeds": [4, 4]}, "4 is listed more than once"),
        ({"lanes": -1}, "lanes: -1 given"),
        ({"base": {"loss": "saturating"}}, "expected an Experiment"),
    ],
)
def test_a_study_that_cannot_be_run_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        tiny_study(**changes)


def test_a_study_survives_yaml(tmp_path):
    original = tiny_study(seeds=[5, 1, 9], criteria=gan_jax.Criteria(converged_factor=2.0))
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(original.to_dict()))
    again = Study.from_dict(read_yaml(tmp_path / "s.yaml"))
    assert again.to_dict() == original.to_dict()
    assert again.experiments() == original.experiments()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: a\nvariants: {a: {}}\nseeds: 1\nseed: 2", "'seed' is no key.*did you mean 'seeds'"),
        ("name: a\nvariants: {a: {}}\nseeds: 1\nname: b", "line 1: key 'name' is given twice"),
        ("name: a\nseeds: 1", "variants: missing"),
        ("name: a\nvariants: {a: {}}\nseeds: 1\nbase: {loss: 3}", "loss: 3 given, expected a name"),
        ("name: a\nvariants: {a: {}}\nseeds: 1\nbase: {1: 2}", "1 is no field of Experiment"),
        ("name: a\nvariants: {a: {on: 2}}\nseeds: 1", "variant a: True is no field"),
        ("name: a\nvariants: {a: {}}\nseeds: 1\nbase: [1]", "base: .* expected fields by name"),
        ("name: a\nvariants: {a: {}}\nseeds: 1\ncriteria: {tail: 1}", "did you mean 'tail_share'"),
        ("- 1\n- 2", "a study is a mapping"),
        ("name: [", "line 1"),
        ("a: &x [1]\nb: *x", "aliases are not read"),
        ("name: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("", "a study is a mapping"),
    ],
)
def test_a_wrong_study_file_is_refused_in_one_line(tmp_path, text, words):
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words) as refusal:
        Study.from_dict(read_yaml(tmp_path / "s.yaml"))
    assert "\n" not in str(refusal.value)


def test_yaml_reads_an_exponent_as_a_number_and_refuses_what_is_no_text(tmp_path):
    (tmp_path / "s.yaml").write_text("rate: 1e-3\nword: e3")
    assert read_yaml(tmp_path / "s.yaml") == {"rate": 1e-3, "word": "e3"}
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a UTF-8 text file"):
        read_yaml(tmp_path / "bad.yaml")
    with pytest.raises(ConfigError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_text("a" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than a study can be"):
        read_yaml(tmp_path / "big.yaml")
