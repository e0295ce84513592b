"""Gunicorn behind NGINX: `gunicorn --config deploy/gunicorn.conf.py`, three times on each node.

Once for reads, once for logins, once for what writes or takes long: NGINX tells them apart. The
environment has Vivace's settings, and may have:

    VIVACE_BIND     unix:/run/vivace/vivace.sock unless it says otherwise
    VIVACE_WORKERS  as many as there are cores
    VIVACE_QUEUE    384 requests may wait; the next is refused at once (max_conns of reads, too)
    VIVACE_SECONDS  30 that a request may take: its worker is then replaced
    VIVACE_NICE     0 to 19: how far it lets others on this machine go first

Vivace itself is imported by workers alone, so that a reload brings all of the new code.
"""

import atexit
import mmap
import os
import shutil
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from gunicorn import util
from gunicorn.http import wsgi

wsgi_app = "vivace.wsgi:application"
bind = os.environ.get("VIVACE_BIND") or "unix:/run/vivace/vivace.sock"
# For NGINX, which is of the same group.
umask = 0o007

# One request at a time in each, and a process a core: Python runs one thread at a time anyway,
# and several would each hold a connection to the database and pass the interpreter to and fro.
worker_class = "sync"
workers = int(os.environ.get("VIVACE_WORKERS") or os.cpu_count() or 1)

# What waits, waits in the kernel. Where that is full, a connection fails at once, NGINX asks
# another node or says 503, and those who wait are answered in time: 384 pages of 1.5 ms are
# a third of a second for two workers.
backlog = int(os.environ.get("VIVACE_QUEUE") or 384)

# NGINX has bounded both. There is no number for the latter that means none.
limit_request_line = 0
limit_request_field_size = 1 << 15

timeout = int(os.environ.get("VIVACE_SECONDS") or 30)

HANDOVER_SECONDS = 60
"""At a reload an old worker goes on until a new one has loaded, for so long at the most."""
LOOK_SECONDS = 0.1

# At the end, running requests may finish. A reload waits as long for old workers, and Gunicorn sees
# to nothing else meanwhile.
graceful_timeout = HANDOVER_SECONDS + timeout

# The sign of life is a file; on a disk that is busy it would come late.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# It would be in a home that a service does not have.
control_socket_disable = True

loglevel = "warning"

# What the workers count they count together, in a folder that has to be known when they load.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    # From /tmp it might be taken away as old.
    folder = tempfile.mkdtemp(prefix="vivace-metrics-", dir=os.environ.get("RUNTIME_DIRECTORY"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder

    def forget(folder: str, main: int) -> None:
        # Workers end by this, too.
        if os.getpid() == main:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(forget, folder, os.getpid())


class InOnePiece(wsgi.Response):
    """An answer whose head goes with the beginning of its body: NGINX wakes once for both."""

    COPIED_MAX = 1 << 16
    """Bytes; to copy more takes as long as to send twice."""
    head = b""

    def send_headers(self) -> None:
        if self.headers_sent or self.chunked or self._omits_body:
            # The body may take long, or is none.
            super().send_headers()
            return
        lines = [*self.default_headers(), *(f"{name}: {text}\r\n" for name, text in self.headers)]
        self.head = "".join([*lines, "\r\n"]).encode("latin-1")
        self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        if len(data) > self.COPIED_MAX:
            self.send_head()
        data, self.head = self.head + data, b""
        super()._emit_body(data)

    def write_file(self, file: Any) -> None:
        self.send_head()
        super().write_file(file)

    def close(self) -> None:
        self.send_head()
        super().close()

    def send_head(self) -> None:
        self.send_headers()
        if self.head:
            util.write(self.sock, self.head)
            self.head = b""


class Handover:
    """What is told between the workers before a reload and those after it."""

    def __init__(self) -> None:
        self.reloads = mmap.mmap(-1, 1)  # the same memory in all of them
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)
        os.set_blocking(self.write, False)

    def begin(self) -> None:
        self.reloads[0] = (self.reloads[0] + 1) % 256

    def loaded(self, born: int) -> None:
        """A worker has: it can take the place of one that is older."""
        with suppress(BlockingIOError):
            os.write(self.write, bytes([born]))

    def has_loaded(self) -> bool:
        """Whether one has since the reload, for which no other has made way yet."""
        with suppress(BlockingIOError):
            while os.read(self.read, 1)[0] != self.reloads[0]:
                pass  # it was there before, or late for another reload
            return True
        return False


def handover_of(server: Any) -> Handover:
    if not hasattr(server, "handover"):
        server.handover = Handover()
    return cast("Handover", server.handover)


def on_reload(server: Any) -> None:
    handover_of(server).begin()


def pre_fork(server: Any, worker: Any) -> None:
    worker.handover = handover_of(server)
    worker.born = worker.handover.reloads[0]


def post_fork(_server: Any, worker: Any) -> None:
    os.nice(int(os.environ.get("VIVACE_NICE") or 0))
    # Until the worker has its own, the signals would be the main process's.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(each, signal.SIG_DFL)
    load(worker)


def load(worker: Any) -> None:
    """Load the application behind those who serve: at a reload that takes a second of a core.

    A thread can go behind others and be gone; for a process there is no way back.
    """
    from vivace.worker import let_others_go_first

    until = time.monotonic() + HANDOVER_SECONDS
    with ThreadPoolExecutor(1, initializer=let_others_go_first) as thread:
        loading = thread.submit(load_and_settle, worker)
        while wait([loading], LOOK_SECONDS).not_done:
            if time.monotonic() < until:
                worker.notify()
    loading.result()


def load_and_settle(worker: Any) -> None:
    worker.app.wsgi()  # which Gunicorn keeps
    from vivace.worker import settle

    settle()


def post_worker_init(worker: Any) -> None:
    # Not in the main process, which reads this file again at each reload.
    wsgi.Response = InOnePiece
    worker.end = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: go(worker))
    worker.handover.loaded(worker.born)


def go(worker: Any) -> None:
    """End, but at a reload not before another worker is there."""
    if worker.born == worker.handover.reloads[0]:
        worker.end(signal.SIGTERM, None)
        return
    until = time.monotonic() + HANDOVER_SECONDS
    # Gunicorn may say so again.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: look(worker, until))
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)


def look(worker: Any, until: float) -> None:
    if worker.handover.has_loaded() or time.monotonic() > until:
        signal.setitimer(signal.ITIMER_REAL, 0)
        worker.end(signal.SIGTERM, None)


def post_request(_worker: Any, request: Any, _environ: Any, response: Any) -> None:
    # A request can be refused before its body is read. To close the connection then resets it, and
    # NGINX, still sending, would say 503 in place of the answer. It has all of the body by now.
    with suppress(OSError):
        while request.body.read(1 << 18):
            pass
    # Nothing is left to be read, so there is no reset to wait out, as Gunicorn would: until NGINX
    # has closed its end, and the worker answers a sixth fewer.
    if response and response.headers_sent:
        response.sock.close()


def child_exit(_server: Any, ended: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(ended.pid)
