"""YAML, read strictly and written whole."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from gan_jax.fields import ConfigError
from gan_jax.files.whole import write_text

LARGEST_YAML = 1_000_000  # bytes; a study is a few kilobytes


class _StrictLoader(yaml.SafeLoader):
    """YAML's plain types only, no key twice, no aliases (which can expand without end)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases are not read", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys = [self.construct_object(key) for key, _ in node.value]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise yaml.constructor.ConstructorError(
                None, None, f"key {twice!r} is given twice", node.start_mark
            )
        return mapping


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
    try:
        if path.stat().st_size > LARGEST_YAML:
            raise ConfigError(f"{path}: larger than a study can be ({LARGEST_YAML} bytes)")
        return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a UTF-8 text file") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, ConfigError):
            raise
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {problem}") from None


def write_yaml(path: Path, document: Any) -> None:
    """Write plain Python as YAML: short lists in one line, keys in the given order."""
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    write_text(path, text)
