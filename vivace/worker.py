"""What a serving process does before its first request."""

import atexit
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from importlib import import_module
from typing import Any

STOP_SECONDS = 30
"""For requests that are running when the server is told to stop."""
CONNECT_SECONDS = 0.1
"""For a connection to PostgreSQL that was lost: over loopback one takes 8 ms, and 15 at most."""


def load(target: str) -> Any:
    """Granian's application `module:name`, in a process that a terminal's Ctrl-C does not reach.

    The main process gets it and tells its workers to stop; told twice, they hang.
    """
    os.setpgrp()
    threading.Thread(target=end_with_main_process, daemon=True).start()
    module, _, name = target.partition(":")
    application = getattr(import_module(module), name)
    # What it imports needs Django, which the application has loaded.
    from vivace.lanes import open_lanes

    open_lanes()
    settle()
    atexit.register(end)
    return application


def end_with_main_process() -> None:
    """Killed, it tells nobody, and its port would go on answering."""
    if main := multiprocessing.parent_process():
        main.join()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        # Nobody is left to see to it that this is enough.
        time.sleep(STOP_SECONDS)
        os._exit(1)


def let_others_go_first() -> None:
    """Give the thread that calls it a lower priority, which it keeps.

    Threads have one each on Linux; elsewhere it would be the whole process's.
    """
    if sys.platform == "linux":
        own = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, min(19, own + 5))


def settle() -> None:
    """Load what requests would: all paths, what answers each, and what that asks.

    Later another version may be in its place, and the process would have some of each. What is
    loaded stays: the collector need not walk it at every full collection. From here on no request
    waits long for a connection that was lost.
    """
    # Granian's main process imports this module, and nothing of Django's.
    from django.conf import settings
    from django.contrib.auth import get_backends
    from django.core.cache import caches
    from django.db import connection
    from django.urls import get_resolver

    from vivace.api import health

    if connection.vendor == "postgresql":
        from vivace.postgresql.base import DatabaseWrapper

        DatabaseWrapper.patience = CONNECT_SECONDS
    get_resolver().url_patterns  # noqa: B018 - loaded when they are looked at
    get_backends()
    health.migrations()
    for name in caches:
        caches[name]
    if settings.REDIS_URL:
        import_module("vivace.accounts.redis_tries")
    gc.collect()
    gc.freeze()


def end() -> None:
    """End the process before Python takes itself down.

    Granian's threads may still hold objects of Python's by then, and abort with a stack trace.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
