"""Any value in any field, any text as a study: an experiment or study, or one line. Hypothesis."""

import datetime
from itertools import pairwise

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from refusals import frugal, refused

from gan_jax.analysis.criteria import Criteria
from gan_jax.catalogue import CATALOGUE
from gan_jax.config import FIELDS, Experiment
from gan_jax.config.ranges import NAMED_FIELDS
from gan_jax.fields import ConfigError
from gan_jax.studies.files import read_yaml, write_yaml
from gan_jax.studies.study import KEYS, Study

HUGE = 10**5000  # more digits than Python writes


class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no words")


# By name, since Hypothesis could not say the things themselves either.
ODD = {
    "<huge>": HUGE,
    "<-huge>": -HUGE,
    "<array>": np.zeros((40, 40)),
    "<set>": {1, 2},
    "<unspeakable>": Unspeakable(),
    "<type>": int,
    "<lists itself>": [],
}
ODD["<lists itself>"].append(ODD["<lists itself>"])


def meant(value):
    """A value with what ODD has in the place of its names."""
    if isinstance(value, list):
        return [meant(one) for one in value]
    if isinstance(value, dict):
        return {name: meant(one) for name, one in value.items()}
    return ODD.get(value, value) if type(value) is str else value


NAMES = sorted({name for registry in CATALOGUE.values() for name in registry.names()})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(1, 300),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=20),
    st.sampled_from(NAMES),
    st.binary(max_size=5),
    st.dates(),
    st.sampled_from([2**31, 2**32, np.float32("nan"), np.int64(7), np.str_("hinge")]),
    st.sampled_from(list(ODD)),
)
KEY = st.one_of(st.text(max_size=5), st.integers(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.integers(), st.none()), inner, max_size=4
        ),
    ),
    max_leaves=8,
)
WIDTHS = st.lists(st.integers(1, 64), max_size=3)
VALUES = st.one_of(TREES, WIDTHS)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("properties") / "file.yaml"


def one_line_or(make):
    """What `make` returns, or None and the one line by which it is refused."""
    try:
        return make(), ""
    except ConfigError as error:
        line = str(error)
        assert "\n" not in line and line.replace("\N{NO-BREAK SPACE}", "").isprintable(), line
        assert 0 < len(line) < 5_000
        return None, line


@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(field=st.sampled_from(FIELDS), value=VALUES)
@example(field="steps", value="<huge>")
@example(field="loss_parameters", value={"alpha_d": "<huge>"})
@example(field="generator_hidden", value=["<huge>"])
@example(field="loss", value=np.str_("hinge"))
@example(field="data", value="~nobody-there/x.npy")
@example(field="data", value="\ud800\0.npy")
@example(field="data", value="a" * 100_000 + ".npy")
def test_any_value_in_any_field_is_an_experiment_or_one_line_that_names_it(file, field, value):
    made, line = one_line_or(lambda: Experiment(**{field: meant(value)}))
    if made is None:
        assert field in line or (field == "data" and ".npy" in line)  # or names the file
        return
    write_yaml(file, made.to_dict())
    assert Experiment(**read_yaml(file)) == made and hash(Experiment(**read_yaml(file))) == hash(
        made
    )


NAMED = st.sampled_from(sorted(NAMED_FIELDS))


@settings(max_examples=300)
@given(data=st.data(), several=st.lists(NAMED, max_size=4, unique=True))
def test_any_names_together_are_an_experiment_or_one_line(file, data, several):
    draw = {x: data.draw(st.sampled_from(CATALOGUE[NAMED_FIELDS[x]].names())) for x in several}
    made, _ = one_line_or(lambda: Experiment(**draw))
    if made is not None:
        write_yaml(file, made.to_dict())
        assert Experiment(**read_yaml(file)) == made


@given(thresholds=st.dictionaries(st.sampled_from(list(vars(Criteria()))), VALUES, max_size=3))
def test_any_thresholds_are_criteria_or_one_line(thresholds):
    made, line = one_line_or(lambda: Criteria.from_dict(meant(thresholds)))
    assert made is not None or any(name in line for name in thresholds)


@given(document=st.dictionaries(st.sampled_from((*KEYS, "nme")), VALUES, max_size=6))
def test_any_document_is_a_study_or_one_line(document):
    one_line_or(
        lambda: Study.from_dict({"name": "a", "seeds": 2, "variants": {"a": {}}} | meant(document))
    )


FRAGMENTS = """
name: a
seeds: 3
seeds: [1, 2]
variants: {a: {}, b: {loss: hinge}}
grid: {loss: [hinge, saturating], batch_size: [2, 4]}
base: {steps: 10}
base: {steps: 0xffffffff, loss: !!str hinge}
preset: ring
lanes: 2
moments: 1e400
criteria: {tail_share: .nan}
&x [1, 2]
*x
<<: {a: 1}
? [complex, key]
- 2001-02-30
!!python/object/apply:os.system [ls]
!!binary "!!"
!!int ""
!!bool maybe
!!timestamp x
!!set {a, b}
190:20:30
.inf: 1
""".strip().splitlines()


@given(text=st.one_of(st.text(max_size=200), st.lists(st.sampled_from(FRAGMENTS)).map("\n".join)))
def test_any_text_is_a_study_or_one_line(file, text):
    file.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    one_line_or(lambda: Study.from_dict(read_yaml(file)))


@given(tree=TREES)
def test_any_tree_of_plain_values_is_a_study_or_one_line(file, tree):
    try:
        file.write_text(yaml.safe_dump({"name": "a", "seeds": 1, "grid": tree}), encoding="utf-8")
    except (ValueError, yaml.YAMLError):  # what no YAML can say: HUGE, NumPy's, half a character
        return
    one_line_or(lambda: Study.from_dict(read_yaml(file)))


NEEDED = "name: a\nseeds: 1\nvariants: {a: {}}\n"
VARIANTS, GRID = (f"name: a\nseeds: 1\n{key}: {{" for key in ("variants", "grid"))
BOMBS = {
    "anchors": "a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcde")),
    "brackets": "[" * 500_000,
    "braces": "{a: " * 200_000,
    "dashes": "- " * 400_000,
    "questions": "? " * 400_000,
    "many values": "[" + "a," * 450_000 + "]",
    "many keys, two the same": "".join(f"a{n}:\n" for n in range(60_000)) + "a9:",
    "a number of many digits": NEEDED + "lanes: " + "9" * 500_000,
    "a hexadecimal number of many digits": NEEDED + "lanes: 0x" + "f" * 500_000,
    "a number to the base of 60": NEEDED + "lanes: " + "1" + ":59" * 200_000,
    "a float to the base of 60": NEEDED + "lanes: " + "1" + ":59" * 200_000 + ".5",
    "hundreds of digits": NEEDED + "base: {steps: " + "9" * 399 + "}",
    "many seeds": "name: a\nseeds: 99999999999\nvariants: {a: {}}",
    "many variants": VARIANTS + ",".join(f"a{n}: {{}}" for n in range(20_000)) + "}",
    "many axes": GRID + ",".join(f"a{n}: {{x: {{}}, y: {{}}}}" for n in range(9_000)) + "}",
    "many choices": GRID + ",".join(f"a{n}: {{x: {{}}, y: {{}}}}" for n in range(99)) + "}",
    "a long name": "name: " + "a" * 900_000 + "\nseeds: 1\nvariants: {a: {}}",
    "a long key": "a" * 900_000 + ": 1",
    "a name that climbs": "name: ../../up\nseeds: 1\nvariants: {a: {}}",
    "a variant that climbs": "name: a\nseeds: 1\nvariants: {'../up': {}}",
    "a variant that is all folders": "name: a\nseeds: 1\nvariants: {'..': {}}",
    "an absolute variant": "name: a\nseeds: 1\nvariants: {/etc: {}}",
    "control characters": 'name: "\\e[2Jhidden"\nseeds: 1\nvariants: {a: {}}',
    "right to left": 'name: "\\u202Ea"\nseeds: 1\nvariants: {a: {}}',
    "a NUL": "name: a\0b",
    "no text at all": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_study_file_that_would_take_for_ever_is_refused_soon(file, kind):
    file.write_bytes(BOMBS[kind].encode("utf-8", errors="surrogateescape"))
    begun = datetime.datetime.now()
    line = refused(lambda: Study.from_dict(read_yaml(file)))
    assert line.isprintable() and len(line) < 5_000
    assert datetime.datetime.now() - begun < datetime.timedelta(seconds=30)


def test_little_is_allocated_for_a_file_that_is_too_long(file):
    with file.open("wb") as long:
        long.truncate(10**12)  # sparse
    with frugal():
        refused(lambda: read_yaml(file), "larger than a study can be")
