"""The lines where a request spends its time, found by looking often."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable

from vivace.lab.profiling.tracing import Place, place_of

EVERY_S = 0.001
SWITCH_S = 0.0005
"""Python lets the looking thread in only so often, where the other one computes."""


def busiest(run: Callable[[], object]) -> Place | None:
    """The project's line that was seen most while it ran; None where none was seen."""
    seen: Counter[Place] = Counter()
    done = threading.Event()
    watched = threading.get_ident()

    def look() -> None:
        while not done.is_set():
            if place := place_of(sys._current_frames().get(watched)):
                seen[place] += 1
            time.sleep(EVERY_S)

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    looking = threading.Thread(target=look)
    looking.start()
    try:
        run()
    finally:
        done.set()
        looking.join()
        sys.setswitchinterval(before)
    return seen.most_common(1)[0][0] if seen else None
