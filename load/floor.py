"""Users of a server that does nothing: what is measured of it is the generator's own share."""

import random
from typing import Any

import msgspec
from locust import events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from load.visitors import Visitor
from vivace.lab import recording


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--every", type=float, default=1.0, help="seconds from request to request")
    recording.add_options(parser)


@events.init.add_listener
def record(environment: Environment, **_: Any) -> None:
    recording.attach(environment)


class Idler(Visitor):
    def wait_time(self) -> float:
        """At random: at even intervals, those who were held up together would ask together."""
        options: Any = self.environment.parsed_options
        return random.uniform(0, 2 * options.every)

    @task
    def look(self) -> None:
        self.ask("GET /", "/", msgspec.Raw)
