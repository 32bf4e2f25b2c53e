"""What study.yaml records of a study's run beside the study: command, versions, devices, data."""

from __future__ import annotations

import platform
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gan_jax.packages import versions
from gan_jax.training.lanes import RECORDS_PER_SEGMENT

ADDRESS_FLAG = re.compile(r"--(.*address|coordinator)")
# What of it is used again -> its type.
RECORD = {"inputs": dict, "packages": dict, "grown": list}


def checked_record(recorded: Any) -> dict[str, Any]:
    """What a study file records, without what anybody may have put in the place of a record."""
    if not isinstance(recorded, dict):
        return {}
    return {
        name: x for name, x in recorded.items() if name not in RECORD or isinstance(x, RECORD[name])
    }


def _program() -> list[str]:
    name = Path(sys.argv[0])
    return ["python", "-m", "gan_jax"] if name.name == "__main__.py" else [name.name]


def command_line(*, but: str | None = None) -> str:
    """This process's command, as it is typed; without a word where that is given."""
    return shlex.join([*_program(), *(word for word in sys.argv[1:] if word != but)])


def recorded_command() -> str:
    """This process's command without addresses: of machines, nothing goes into results."""
    words = [*_program(), *sys.argv[1:]]
    for place, word in enumerate(words):
        flag, equals, _ = word.partition("=")
        if ADDRESS_FLAG.fullmatch(flag):
            if equals:
                words[place] = f"{flag}=ADDRESS"
            elif place + 1 < len(words):
                words[place + 1] = "ADDRESS"
    return shlex.join(words)


def occasion(command: str | None) -> dict[str, str]:
    """When a study is begun or grown, and by which command: this process's by default."""
    return {
        "command": command or recorded_command(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def surroundings(command: str | None) -> dict[str, Any]:
    """That, and what its numbers depend on besides its fields, as this process has it."""
    import jax

    return occasion(command) | {
        "records_per_segment": RECORDS_PER_SEGMENT,
        "python": platform.python_version(),
        "packages": versions(),
        "x64": bool(jax.config.values["jax_enable_x64"]),
        "devices": [f"{device.platform} {device.device_kind}" for device in jax.local_devices()],
    }
