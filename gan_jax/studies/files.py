"""YAML, read strictly and written whole."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from gan_jax.fields import ConfigError, shown
from gan_jax.files.paths import regular_file
from gan_jax.files.whole import write_text

LARGEST_YAML = 1_000_000  # bytes; a study is a few kilobytes
MOST_VALUES = 100_000  # each takes a while
LONGEST_NUMBER = 400  # characters: no float32 needs so many


class _StrictLoader(yaml.SafeLoader):
    """YAML's plain types only, no key twice, no aliases (which can expand without end)."""

    values = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise _refused("aliases are not read", self.peek_event().start_mark)
        self.values += 1
        if self.values > MOST_VALUES:
            raise _refused(f"more than {MOST_VALUES} values", self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            seen = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node)
                if key in seen:
                    raise _refused(f"key {shown(key)} is given twice", node.start_mark)
                seen.add(key)
        return mapping

    def construct_number(self, node: Any) -> Any:
        """A number as YAML has it, unless it is so long that to read it takes time."""
        if len(self.construct_scalar(node)) > LONGEST_NUMBER:
            raise _refused(f"a number of {len(node.value)} characters", node.start_mark)
        if node.tag.endswith("int"):
            return super().construct_yaml_int(node)
        return super().construct_yaml_float(node)


def _refused(problem: str, mark: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


for _kind in ("int", "float"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_kind}", _StrictLoader.construct_number)


class _Dumper(yaml.SafeDumper):
    """Writes what _StrictLoader reads back the same: 1e-3 quoted if text, nothing aliased."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# YAML 1.1 reads 1e-3 as text; everyone who writes it means the number.
for _tool in (_StrictLoader, _Dumper):
    _tool.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
      ConfigError: in one line, when it cannot be read or is not plain YAML.
    """
    regular_file(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_YAML + 1)
        if len(content) > LARGEST_YAML:
            raise ConfigError(f"{path}: larger than a study can be ({LARGEST_YAML} bytes)")
        return yaml.load(content.decode("utf-8"), _StrictLoader)
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a UTF-8 text file") from None
    # Besides YAML's own errors: a tag that its text does not fit, brackets in brackets in brackets.
    except Exception as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {problem or type(error).__name__}") from None


def write_yaml(path: Path, document: Any) -> None:
    """Write plain Python as YAML: short lists in one line, keys in the given order."""
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    write_text(path, text)
