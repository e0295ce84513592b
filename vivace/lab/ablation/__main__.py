"""The process in which optimisations are switched off, under settings of its own.

a `Task` as the argument ──→ lines of `Line` on standard output, `Done` the last
"""

import os
import sys

import django
import msgspec

from vivace.lab.ablation.tasks import Line, Task

# What anybody else prints must not come between.
TOLD = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def tell(line: Line) -> None:
    TOLD.write(msgspec.json.encode(line) + b"\n")
    TOLD.flush()


def main() -> None:
    django.setup()
    # It imports models, which are there from now on.
    from vivace.lab.ablation.running import ablate

    for line in ablate(msgspec.json.decode(sys.argv[1], type=Task)):
        tell(line)


if __name__ == "__main__":
    main()
