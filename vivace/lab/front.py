"""NGINX and Gunicorn as `deploy/` ships them, in a folder and on ports of their own.

Only what must differ for that does: paths, ports, whom they run as. And there is no limit for an
address, where all that asks comes from one.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen
from types import MappingProxyType

from vivace.lab import servers
from vivace.lab.machine import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
LANES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "reads": {},
        "logins": {"VIVACE_QUEUE": "1024", "VIVACE_NICE": "5"},
        "writes": {"VIVACE_SECONDS": "900"},
    }
)
"""Upstream → what Gunicorn is told besides, as in deploy/systemd."""

SHIPPED_SOCKETS = {
    "reads": "/run/vivace/vivace.sock",
    "logins": "/run/vivace-logins/vivace.sock",
    "writes": "/run/vivace-writes/vivace.sock",
}
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class ChangedError(LookupError):
    """A line that is no longer in the shipped file."""


def socket_of(lane: str, folder: Path) -> Path:
    return folder / f"{lane}.sock"


@contextmanager
def gunicorn(
    lane: str,
    folder: Path,
    environment: Mapping[str, str],
    workers: int,
    settings: Path = DEPLOY / "gunicorn.conf.py",
) -> Iterator[Popen[bytes]]:
    """One of the three of a node, once its socket is there. Raises `ServerFailedError`."""
    socket = socket_of(lane, folder)
    own = {"VIVACE_BIND": f"unix:{socket}", "VIVACE_WORKERS": str(workers), **LANES[lane]}
    command = [sys.executable, "-m", "gunicorn", "--config", str(settings)]
    with servers.started(command, folder, env={**environment, **own}) as process:
        if not servers.answered(0, lambda _port: socket.exists(), process):
            raise servers.ServerFailedError((folder / "log").read_text(errors="replace"))
        yield process


@contextmanager
def node(folder: Path, environment: Mapping[str, str], workers: int) -> Iterator[None]:
    """All Gunicorns of a node, with so many workers each."""
    with ExitStack() as stack:
        for lane in LANES:
            stack.enter_context(gunicorn(lane, folder, environment, workers))
        yield


@contextmanager
def nginx(
    folder: Path,
    workers: int,
    nodes: Sequence[Path] = (),
    *,
    public: bool = False,
    limited: bool = False,
) -> Iterator[int]:
    """The port of NGINX in front of the nodes in these folders, or else in its own.

    Raises `ServerMissingError`.
    """
    program = nginx_program()

    def command(port: int) -> list[str]:
        main = write_settings(
            folder, port, workers, nodes or [folder], public=public, limited=limited
        )
        return [*program, "-c", str(main), "-p", str(folder)]

    with servers.serving(command, servers.http_answers, folder, env=dict(os.environ)) as port:
        yield port


def nginx_program() -> list[str]:
    """How NGINX is started: in the batch class, as `deploy/systemd/nginx.service.d` has it.

    Where there is no chrt (macOS), as any other program. Raises `ServerMissingError`.
    """
    chrt = shutil.which("chrt")
    batch = [chrt, "-b", "0"] if chrt else []
    return [*batch, servers.program("nginx")]


def write_settings(
    folder: Path, port: int, workers: int, nodes: Sequence[Path], *, public: bool, limited: bool
) -> Path:
    """Put the shipped files into the folder, adapted; the path of the main one."""
    shipped = DEPLOY / "nginx"
    for name in ("vivace.conf", "public.conf"):
        (folder / name).write_text((shipped / name).read_text())
    upstreams = (shipped / "upstreams.conf").read_text()
    for lane, told in SHIPPED_SOCKETS.items():
        line = line_of(f"    server unix:{told} ", upstreams)
        own = "".join(line.replace(told, str(socket_of(lane, node))) for node in nodes)
        upstreams = replaced(upstreams, {line: own})
    (folder / "upstreams.conf").write_text(upstreams)

    changes = {
        "user www-data;\n": user(),
        "pid /run/nginx.pid;\n": f"pid {folder}/nginx.pid;\ndaemon off;\n",
        "error_log /var/log/nginx/error.log warn;\n": "error_log stderr warn;\n",
        "worker_processes auto;\n": f"worker_processes {workers};\n",
        "/var/lib/nginx/vivace": f"{folder}/cache",
        "    access_log off;\n": f"    access_log off;\n{temporary(folder)}",
        "listen 80 default_server": f"listen {servers.LOOPBACK}:{port} default_server",
    }
    if not limited:
        changes |= {
            "        limit_conn connections 200;\n": "",
            "        limit_conn imports 4;\n": "",
            "        limit_req zone=requests burst=2000 nodelay;\n": "",
        }
    if public:
        changes |= {
            "        # include public.conf;\n": "        include public.conf;\n",
            "    # proxy_cache_path ": "    proxy_cache_path ",
        }
    main = folder / "nginx.conf"
    main.write_text(replaced((shipped / "nginx.conf").read_text(), changes))
    return main


def user() -> str:
    """The line of NGINX's settings that says whom its workers run as: who started it."""
    return "user root;\n" if os.geteuid() == 0 else ""


def temporary(folder: Path) -> str:
    """The lines that keep what NGINX puts aside within a folder."""
    return "".join(f"    {name}_temp_path {folder}/{name};\n" for name in TEMPORARY)


def line_of(start: str, text: str) -> str:
    """The line that starts so. Raises `ChangedError`."""
    for line in text.splitlines(keepends=True):
        if line.startswith(start):
            return line
    raise ChangedError(start)


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """Raises `ChangedError`."""
    for line, own in changes.items():
        if line not in text:
            raise ChangedError(line)
        text = text.replace(line, own)
    return text
