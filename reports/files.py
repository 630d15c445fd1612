"""Writing a file so that a reader never sees half of it."""

import contextlib
import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace the file at `path` with `text` in UTF-8, in one step, with LF line ends.

    The text is complete on disk under a temporary name in the same directory before it takes the
    place of what was there; a failure leaves the former file as it was and no temporary behind.

    Raises:
        OSError: the directory is missing, full or not writable.
        UnicodeEncodeError: the text holds a lone surrogate.

    """
    content = text.encode("utf-8")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # mkstemp makes private files; reports are collected by other users of a CI server.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
