"""People who do nothing but log in, and a few who read meanwhile, for Locust.

    locust -f load/logins.py --host http://127.0.0.1:8000 --users 105

The readers are five, whatever the number of users.
"""

import random
import time

import gevent
from locust import User, task
from locust.env import Environment

from load import locustfile

BETWEEN_READS_S = (0.1, 0.3)


class Caller(User):
    """Someone who logs in again and again."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.person = person_of(self, environment)

    @task
    def log_in(self) -> None:
        self.person.log_in()


class Reader(User):
    """Someone who was logged in before, and reads."""

    fixed_count = 5

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.person = person_of(self, environment)

    def on_start(self) -> None:
        self.person.on_start()
        self.due = time.perf_counter()

    @task
    def read(self) -> None:
        """At its moment, or late, which then counts."""
        self.due += random.uniform(*BETWEEN_READS_S)
        gevent.sleep(max(0.0, self.due - time.perf_counter()))
        reads = (self.person.browse_tracks, self.person.browse_artists, self.person.show_track)
        self.person.due = self.due
        random.choice(reads)()


def person_of(user: User, environment: Environment) -> locustfile.Listener:
    # Locust tells the address only to the classes that it starts itself.
    locustfile.Listener.host = user.host
    return locustfile.Listener(environment)
