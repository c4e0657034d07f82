"""The log file, which several processes append to and one of them rotates.

A line is one write to a file opened for appending, so lines never mix. Whoever finds
the file too large locks it, and moves it away unless another has done so meanwhile;
the others see that their file is no longer the one of that name.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

MODE = 0o640


class RotatedFile(logging.Handler):
    def __init__(self, path: Path, size_most: int, keep: int) -> None:
        """Rotated at `size_most` bytes; `keep` older ones stay: path.1, path.2 ..."""
        super().__init__()
        self._path = path
        self._size_most = size_most
        self._keep = keep
        self._file = _open(path)
        self._is_failing = False

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode()
        try:
            self._follow()
            os.write(self._file, line)
            if os.fstat(self._file).st_size >= self._size_most:
                self._rotate()
        except OSError as error:
            # A full disk must not fill the console as well.
            if not self._is_failing:
                print(f"LOG_FILE: cannot write: {error}", file=sys.stderr)
            self._is_failing = True
        else:
            self._is_failing = False

    def close(self) -> None:
        with suppress(OSError):
            os.close(self._file)
        super().close()

    def _follow(self) -> None:
        """To the file that has the name now."""
        if not self._has_the_name():
            os.close(self._file)
            self._file = _open(self._path)

    def _has_the_name(self) -> bool:
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._file))
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            if not self._has_the_name():
                return
            for number in range(self._keep, 0, -1):
                with suppress(FileNotFoundError):
                    os.replace(self._older(number - 1), self._older(number))
            if not self._keep:
                os.unlink(self._path)
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _older(self, number: int) -> str:
        return f"{self._path}.{number}" if number else str(self._path)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)


def fault(path: Path) -> str:
    """Why nothing can be written there; empty: it can."""
    try:
        os.close(_open(path))
    except OSError as error:
        return error.strerror or str(error)
    return ""
