"""Gunicorn behind NGINX: `gunicorn --config deploy/gunicorn.conf.py`, twice on each node.

Once for requests of a few milliseconds, once for those that take long or hash a password, which
NGINX tells apart. The environment has Vivace's settings, and may have:

    VIVACE_BIND     unix:/run/vivace/vivace.sock unless it says otherwise
    VIVACE_WORKERS  as many as there are cores
    VIVACE_QUEUE    128 requests may wait; the next one is refused at once
    VIVACE_SECONDS  30 that a request may take: its worker is then replaced
"""

import os
from pathlib import Path

from vivace import worker

wsgi_app = "vivace.wsgi:application"
bind = os.environ.get("VIVACE_BIND") or "unix:/run/vivace/vivace.sock"
# For NGINX, which is of the same group.
umask = 0o007

# One request at a time in each, and a process a core: Python runs one thread at a time anyway,
# and several would each hold a connection to the database and pass the interpreter to and fro.
worker_class = "sync"
workers = int(os.environ.get("VIVACE_WORKERS") or os.cpu_count() or 1)

# What waits, waits in the kernel. Where that is full, a connection fails at once, NGINX asks
# another node or says 503, and those who wait are answered in time: 128 take a tenth of a second.
backlog = int(os.environ.get("VIVACE_QUEUE") or 128)

timeout = int(os.environ.get("VIVACE_SECONDS") or 30)
# At a reload and at the end, running requests may finish.
graceful_timeout = timeout

# Each worker loads the application for itself, so that a reload (SIGHUP) brings new code: new
# workers start before the old ones go.
preload_app = False
# The sign of life is a file; on a disk that is busy it would come late.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

loglevel = "warning"


def post_worker_init(_worker: object) -> None:
    worker.settle()
