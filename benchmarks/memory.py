"""How much memory does `vivace serve` hold, idle and after millions of requests?

python -m benchmarks.memory [--requests 5000000] [--workers 2]

Counted is the proportional share (PSS) of all its processes: what they share counts once. Of ten
requests nine are for pages that are kept, and one is for any track, now and then any page; the
memory is looked at after each tenth of them. Exits with 1 where it has over 180 MB when idle, an
request was no success, or it still grew by a twentieth in the second half.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psutil

from benchmarks import wrk
from benchmarks.readers import API, PAGES, THINGS, Person
from benchmarks.trials import Trial
from vivace.lab import servers, stacks
from vivace.lab.trials import Measured

IDLE_MB, GROWTH = 180.0, 1.05
SLICE_SECONDS = 10
CONNECTIONS = 20
STEPS = 10
# Each slice draws its own numbers, or else it would ask for what the one before it asked for.
SCRIPT = """
local kept = {%s}
wrk.headers["Authorization"] = "%s"
math.randomseed(%d)
request = function()
    local drawn = math.random(1000)
    if drawn > 100 then return wrk.format("GET", kept[math.random(#kept)]) end
    local path = "/api/v1/tracks/" .. math.random(100000)
    if drawn < 5 then path = "/api/v1/artists?limit=50&offset=" .. math.random(0, 9999) end
    return wrk.format("GET", path)
end
"""


def memory_mb(server: psutil.Process) -> float:
    family = [server, *server.children(recursive=True)]
    return sum(each.memory_full_info().pss for each in family) / 1e6


def asked(base: str, number: int) -> wrk.Answered:
    """What came of a slice."""
    person = Person(base)
    person.log_in(stacks.ACCOUNT.format(1))
    kept = ",".join(f'"{path}"' for path in PAGES + THINGS)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "ask.lua"
        script.write_text(SCRIPT % (kept, person.headers["Authorization"], number))
        return wrk.asked(base + API, CONNECTIONS, SLICE_SECONDS, script=script)


def main() -> int:
    trial = Trial("memory", __doc__)
    # Within the first two million what is kept fills up.
    trial.parser.add_argument("--requests", type=int, default=5_000_000)
    trial.parser.add_argument("--workers", type=int, default=2)
    wanted = trial.parsed()
    with ExitStack() as stack:
        folder = stack.enter_context(servers.owned_folder())
        own = {
            "DATABASE_URL": f"sqlite:///{folder}/vivace.sqlite3",
            "VIVACE_DATA_DIR": str(folder),
            "VIVACE_SECRET_KEY": stacks.SECRET_KEY,
        }
        stacks.fill(own, 1, print)
        before = {child.pid for child in psutil.Process().children()}
        base = f"http://{servers.LOOPBACK}:" + str(
            stack.enter_context(stacks.vivace_serve(own, folder, wanted.workers))
        )
        (shell,) = [c for c in psutil.Process().children() if c.pid not in before]
        server = next(each for each in shell.children() if each.name() != "sh")
        seen = [memory_mb(server)]
        print(f"idle, {wanted.workers} workers: {seen[0]:.0f} MB", flush=True)
        done = wrong = slices = 0
        while len(seen) <= STEPS:
            found = asked(base, slices := slices + 1)
            done, wrong = done + found.answers, wrong + found.wrong
            if done >= len(seen) * wanted.requests / STEPS:
                seen.append(memory_mb(server))
                print(f"{done:>10,} requests, {wrong} no success: {seen[-1]:.0f} MB", flush=True)
    measured = [
        Measured(what="memory when idle", value=seen[0], unit="MB", at_most=IDLE_MB),
        Measured(what=f"memory after {done:,} requests", value=seen[-1], unit="MB"),
        Measured(
            what="memory at the end, by that halfway", value=seen[-1] / seen[STEPS // 2],
            at_most=GROWTH,
        ),
        Measured(what="requests that were no success", value=wrong, at_most=0),
    ]  # fmt: skip
    what = f"`vivace serve` with {wanted.workers} workers, SQLite"
    return trial.concluded("sqlite", what, measured)


if __name__ == "__main__":
    sys.exit(main())
