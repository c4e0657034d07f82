"""The image without Docker: the Dockerfile's own steps, done in a folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.processes import ROOT

BUILD_SECONDS = 240


def stages() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]


def instructions(stage: str, name: str) -> list[str]:
    return re.findall(rf"^{name} (.+)$", stage, re.MULTILINE)


def copy_files(app: Path) -> Path:
    """What the build stage copies of the project, where it puts it."""
    patterns = (ROOT / ".dockerignore").read_text().split()
    for line in instructions(stages()[0], "COPY"):
        source, target = line.split()
        place = app / target / source if target == "./" else app / target
        assert not any(fnmatch(source, pattern) for pattern in patterns), source
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            names = [pattern.removeprefix("**/") for pattern in patterns]
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns(*names))
        else:
            shutil.copy(ROOT / source, place)
    return app


def build(app: Path) -> Path:
    """And what it runs."""
    copy_files(app)
    for step in instructions(stages()[0], "RUN"):
        done = subprocess.run(
            ["sh", "-euc", step],
            cwd=app,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
    return app


def final_environment() -> dict[str, str]:
    (line,) = instructions(stages()[-1], "ENV")
    return dict(word.split("=", 1) for word in line.split())
