"""Fetching an image collection: mirrors in order, each file verified before it is put in place.

What was published, and where it belongs, is `images`'s.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from gan_jax.fields import ConfigError
from gan_jax.files.images import (
    ImageFile,
    collection_of,
    data_folder,
    file_in,
    places,
    read_verified,
)

CHUNK = 1 << 16  # bytes
PATIENCE = 20  # seconds without a byte, after which the next mirror is asked


def fetch(
    name: str,
    folder: Path | None = None,
    mirrors: Sequence[str] | None = None,
    progress: bool = True,
) -> Path:
    """Download what is missing of a collection, and return the folder that has it.

    A file is put in place whole and verified, or not at all; one that is there and right is kept.

    Args:
      name: of COLLECTIONS.
      folder: to hold a subfolder `name`; GAN_JAX_DATA, else the user's cache, by default.
      mirrors: URLs of folders, asked in order; the collection's own by default.
      progress: whether to print a line a file, and a bar in a terminal.

    Raises:
      ConfigError: a URL that is none, a folder that cannot be written to, no mirror with the file.
    """
    collection = collection_of(name)
    base = folder.expanduser().absolute() if folder else data_folder()
    order = [_checked(mirror) for mirror in mirrors or collection.mirrors]
    for place in places(base, name):
        if all(_is_right(place, file) for file in collection.files):
            return place
    place = base / name
    try:
        place.mkdir(parents=True, exist_ok=True)
        if not os.access(place, os.W_OK):
            raise ConfigError(f"{place}: no permission to write there; give another folder")
        with _Display(progress) as display:
            for file in collection.files:
                if not _is_right(place, file):
                    answered = _download(file, place, order, display)
                    # The mirror that had this file is the first to be asked for the next.
                    order.sort(key=lambda mirror, first=answered: mirror != first)
    except _NoMirrorError as error:
        with suppress(OSError):
            place.rmdir()  # if it is empty: nothing is left behind
        wanted = ", ".join(file.spellings[0] for file in collection.files)
        raise ConfigError(
            f"{name}: {error}; go online, give another --mirror, or put {wanted} into {place}"
        ) from None
    except OSError as error:
        raise ConfigError(f"{error.filename or place}: {error.strerror}") from None
    return place


class _NoMirrorError(Exception):
    """No mirror has a file; says why each has not."""


def _checked(mirror: str) -> str:
    if not mirror.startswith(("https://", "http://")):
        raise ConfigError(f"mirror: {mirror!r} given, expected a URL such as https://host/folder/")
    return mirror.rstrip("/") + "/"


def _is_right(folder: Path, file: ImageFile) -> bool:
    path = file_in(folder, file)
    if path is None:
        return False
    try:
        if path.stat().st_size == file.gzip_bytes:
            with path.open("rb") as published:
                if hashlib.file_digest(published, "sha256").hexdigest() == file.gzip_sha256:
                    return True
        # Unzipped, or zipped anew: told by its content, where the content's hash is known.
        return file.sha256 is not None and read_verified(folder, file) is not None
    except (ConfigError, OSError):
        return False


def _download(file: ImageFile, folder: Path, mirrors: Sequence[str], display: _Display) -> str:
    """Download a file from the first mirror that has it; return that mirror."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # what it would tell, `display` does
    name, failures = f"{file.name}.gz", []
    for mirror in mirrors:
        try:
            pooch.retrieve(
                mirror + name,
                known_hash=f"sha256:{file.gzip_sha256}",
                fname=name,
                path=folder,
                downloader=_bounded(file.gzip_bytes, display.start(name, file.gzip_bytes)),
            )
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) is not None:
                raise  # the system's word, of a full disk say; what a mirror does has no number
            failures.append(f"{mirror} {_reason(error)}")
            continue
        (folder / name).chmod(0o644)  # it was a temporary file, which only its owner may read
        display.say(f"{name}  {file.gzip_bytes:,} bytes  {mirror}")
        return mirror
    raise _NoMirrorError(f"no mirror has {name} ({', '.join(failures)})")


def _bounded(size: int, advance: Callable[[int], None]) -> Callable[..., None]:
    """Make a downloader for pooch that stops at a file's published size, however much is sent."""
    import pooch

    http = pooch.HTTPDownloader(
        chunk_size=CHUNK,
        timeout=PATIENCE,
        # The .gz as it is: not unzipped on the way by a server that means well.
        headers={"Accept-Encoding": "identity"},
    )

    def download(url: str, output_file: str, _: Any) -> None:
        with open(output_file, "wb") as file:
            http(url, _Counted(file, size, advance), None)

    return download


class _Counted:
    """A file to write to that takes no more than its size, and reports what it takes."""

    def __init__(self, file: IO[bytes], size: int, advance: Callable[[int], None]) -> None:
        self._file, self._left, self._advance = file, size, advance

    def write(self, chunk: bytes) -> None:
        self._left -= len(chunk)
        if self._left < 0:
            raise ValueError("more than was published")
        self._file.write(chunk)
        self._advance(len(chunk))

    def flush(self) -> None:
        self._file.flush()


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:  # not its truth: a response of 404 is false
        return f"says HTTP {response.status_code}"
    return "does not answer" if isinstance(error, OSError) else "has another file"


class _Display:
    """What a user sees of the downloads: a bar in a terminal, and a line for each file."""

    def __init__(self, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
        self._console, self._shown = Console(), shown
        hidden = not (shown and self._console.is_terminal)
        self._bar = Progress(*columns, console=self._console, disable=hidden, transient=True)

    def __enter__(self) -> _Display:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def start(self, name: str, size: int) -> Callable[[int], None]:
        """Begin a file's bar; return what advances it."""
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        task = self._bar.add_task(name, total=size)
        return lambda received: self._bar.advance(task, received)

    def say(self, line: str) -> None:
        if self._shown:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
