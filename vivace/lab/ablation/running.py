"""A library in the empty database of the settings, and each optimisation switched off on it."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import DatabaseError, connection

from vivace.accounts import people
from vivace.dataset.filling import fill
from vivace.dataset.library import library
from vivace.lab.ablation import rounds
from vivace.lab.ablation.accounts import LOGIN, PASSWORD
from vivace.lab.ablation.optimisations import OPTIMISATIONS, Optimisation
from vivace.lab.ablation.results import Ablated
from vivace.lab.ablation.tasks import Begun, Done, Line, Measured, Missed, Task
from vivace.lab.ablation.trials import Client, TrialError, shown
from vivace.lab.profiling.databases import CopyError, one_line
from vivace.lab.profiling.indexes import analyse
from vivace.lab.results import Data

CANNOT = (CopyError, DatabaseError, TrialError)
"""What keeps one optimisation from being measured, and no other."""


def ablate(task: Task) -> Iterator[Line]:
    """What becomes of each optimisation, as it does."""
    prepare(task.data)
    handler = WSGIHandler()
    account = people.create("ablation@example.org", LOGIN, PASSWORD, role="editor")
    # As in the server: what is loaded is not looked at again by the collector.
    gc.collect()
    gc.freeze()
    for name in task.names:
        yield Begun(name)
        with ExitStack() as until_done:
            client = Client(handler, account, until_done)
            try:
                yield Measured(ablated(client, OPTIMISATIONS[name], task.pairs))
            except CANNOT as error:
                yield Missed(f"{name}: {one_line(error)}")
    yield Done()


def prepare(data: Data) -> None:
    call_command("migrate", verbosity=0)
    albums, tracks = data.albums // data.artists, data.tracks // data.albums
    fill(library(data.artists, albums, tracks, data.seed))
    analyse(connection)


def ablated(client: Client, optimisation: Optimisation, pairs: int) -> Ablated:
    """Raises one of `CANNOT`."""
    trial = optimisation.trial(client)
    return Ablated(
        name=optimisation.name,
        what=optimisation.what,
        without=optimisation.without,
        asked=shown(trial.request),
        pairs=rounds.measured(client, trial, pairs),
    )
