"""The main process of `vivace serve`: it starts the workers, and others where they end.

`python -m vivace.serving ADDRESS PORT WORKERS` is what `vivace serve` becomes once the database is
up to date. It loads nothing of Django's, which only the workers need: 16 MB instead of 72.
"""

import fcntl
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server, mp

from vivace import worker

CONNECTIONS = 1_024
"""That a worker takes, most of which do nothing at a time. Many logins may wait and leave room."""
COUNTED_IN = "PROMETHEUS_MULTIPROC_DIR"
"""As `metrics.FOLDER`, which comes with all of prometheus_client."""


def become(address: str, port: int, workers: int) -> None:
    """Go on as that process, in this one's place."""
    # -P: what is in the folder where it was started is no module of the server's.
    command = [sys.executable, "-P", "-m", __name__, address, str(port), str(workers)]
    # Until Granian listens to it, Ctrl-C waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.execv(sys.executable, command)


def serve(address: str, port: int, workers: int) -> None:
    """Return when told to stop, by Ctrl-C or SIGTERM."""
    processes: Any = mp
    processes.WorkerProcess = Worker
    # Workers read the environment anew, and share no lock with this process.
    multiprocessing.set_start_method("spawn")
    server = Server(
        "vivace.wsgi:application",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        # Measured: with more, threads wait for each other and connections are refused.
        blocking_threads=1,
        backpressure=CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=worker.STOP_SECONDS,
        websockets=False,
        log_level=LogLevels.warning,
    )
    server.on_startup(hear_ctrl_c)
    if sys.stdin and sys.stdin.isatty() and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        # The terminal is closed; Granian would start other workers and go on.
        server.signal_handler_reload = server.signal_handler_interrupt  # type: ignore[method-assign]
    with counting_together():
        server.serve(target_loader=worker.load)


class Worker(mp.WorkerProcess):
    """A worker whose end is known to whoever waited for it.

    Granian waits for a process in two threads at a time. Only one of them gets its end, and until
    that one has noted it the other takes the process for alive: under load Granian says then of
    what ended as it was told that it refused to, and had to be killed.
    """

    def _watch(self) -> None:
        self.watcher = Thread(target=self._watcher)
        self.watcher.start()

    def _watcher(self) -> None:
        super()._watcher()  # type: ignore[no-untyped-call]
        # What was under way in it no longer is: prometheus_client's mark_process_dead().
        for gauge in Path(os.environ[COUNTED_IN]).glob(f"gauge_live*_{self.inner.pid}.db"):
            gauge.unlink(missing_ok=True)

    def join(self, timeout: float | None = None) -> None:
        self.watcher.join(timeout)


def hear_ctrl_c() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def counting_together() -> Iterator[None]:
    """What processes that are started in the block count, they count together."""
    if COUNTED_IN in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="vivace-metrics-") as folder:
        os.environ[COUNTED_IN] = folder
        # What systemd takes from /tmp when it is old it leaves where it is locked.
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_SH)
        try:
            yield
        finally:
            os.close(held)


if __name__ == "__main__":
    address, port, workers = sys.argv[1:]
    serve(address, int(port), int(workers))
