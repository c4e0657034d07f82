"""Python clients in environments of their own, each with a list of what is in it."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

from tests.installing import python_environment

HERE = Path(__file__).parent


def pinned(name: str, package: str) -> str:
    """The version of a package in `name`_requirements.txt."""
    text = (HERE / f"{name}_requirements.txt").read_text()
    (version,) = re.findall(rf"^{package}==(\S+)", text, re.MULTILINE)
    return str(version)


def python(name: str) -> str:
    """The interpreter of the environment with what `name`_requirements.txt lists; of
    another one when the list is another."""
    requirements = HERE / f"{name}_requirements.txt"
    digest = sha256(requirements.read_bytes()).hexdigest()
    folder = python_environment(f"{name}-{digest[:12]}", requirements)
    return str(folder / "bin" / "python")
