"""Requests that arrive on a schedule, whatever became of those before them.

    locust -f load/arrivals.py --host http://127.0.0.1:8000 --users 1 --rate 100

Users who wait for their answer send fewer requests to a slow server, and none to a frozen one, so
that what they measure hides an outage. Here each request is sent at its moment by whoever is free,
and its latency counts from that moment.
"""

import random
import time
from typing import Any

import gevent
from gevent.pool import Group
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser

from load import locustfile
from vivace.lab import recording

AT_FIRST = 10
"""People who log in before the first arrival. More come when all of them wait."""
LAST_SECONDS = 10
"""For answers that are still out when the last request was sent."""
AT_MOST = 5_000
"""In one process. An arrival that finds all of them waiting for answers is a failure."""


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--rate", type=float, default=100.0, help="arrivals a second, of all users")
    parser.add_argument("--arrive-for", type=float, default=float("inf"), metavar="SECONDS")


class Arrivals(User):
    """One in each process, who sends people off at even intervals."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # Locust tells the address only to the classes that it starts itself.
        locustfile.Listener.host = self.host
        self.people = 0
        self.first = [self.newcomer() for _ in range(AT_FIRST)]
        self.free: list[locustfile.Listener] = []
        self.sent = Group()
        self.logging_in_s = 0.0

    def on_start(self) -> None:
        begun = time.perf_counter()
        gevent.joinall([gevent.spawn(person.on_start) for person in self.first])
        self.free = list(self.first)
        self.logging_in_s = time.perf_counter() - begun

    def on_stop(self) -> None:
        self.sent.join(timeout=LAST_SECONDS)
        for unanswered in self.sent:
            waited_s = time.perf_counter() - unanswered.args[0]
            recording.lost(self.environment, "no answer before the end", waited_s)

    def newcomer(self) -> locustfile.Listener:
        self.people += 1
        return locustfile.Listener(self.environment)

    @task
    def keep_to_the_schedule(self) -> None:
        options: Any = self.environment.parsed_options
        every_s = recording.processes_of(self.environment) / options.rate
        due = time.perf_counter() + random.uniform(0, every_s)
        end = due + options.arrive_for - self.logging_in_s
        while due < end:
            gevent.sleep(max(0.0, due - time.perf_counter()))
            self.sent.spawn(self.send, due)
            due += every_s
        raise StopUser

    def send(self, due: float) -> None:
        person = self.somebody()
        if person is None:
            recording.lost(self.environment, "nobody was free to send it")
            return
        person.due = due
        try:
            random.choice(person.tasks)(person)  # type: ignore[operator]
        finally:
            person.due = None
            self.free.append(person)

    def somebody(self) -> locustfile.Listener | None:
        """Someone who is free. A newcomer knows what one of the first knew, and need not log in."""
        if self.free:
            return self.free.pop(0)
        if self.people >= AT_MOST:
            return None
        return self.newcomer().like(random.choice(self.first))
