"""`vivace serve`: the whole service from one command."""

import os
import socket
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

import vivace
from vivace import serving
from vivace.dataset import demo


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def port_number(text: str) -> int:
    if (port := positive(text)) > 65_535:
        raise ArgumentTypeError(f"{text!r} is not a port")
    return port


class Command(BaseCommand):
    help = "Bring the database up to date and serve the API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
        parser.add_argument("--port", type=port_number, default=8000, help="default: %(default)s")
        parser.add_argument(
            "--workers", type=positive, metavar="N", help="processes; default: one for each core"
        )
        parser.add_argument(
            "--demo",
            action="store_true",
            help="fill an empty library with generated music, and let people register",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        address = free_address(options["host"], options["port"])
        call_command("migrate", verbosity=0)
        if options["demo"]:
            demo.prepare(self.say)
            os.environ.setdefault("VIVACE_REGISTRATION", "on")
        host = f"[{options['host']}]" if ":" in options["host"] else options["host"]
        base = f"http://{host}:{options['port']}"
        self.say(f"Vivace {vivace.__version__} serves {base} (the API: {base}/api/docs)")
        connections.close_all()
        serving.become(address, options["port"], options["workers"] or os.cpu_count() or 1)

    def say(self, text: str) -> None:
        self.stdout.write(text)
        # Into a pipe or a log it would come with the end of the process.
        self.stdout.flush()


def free_address(host: str, port: int) -> str:
    """The IP address of the host. Raises `CommandError` where the port cannot be had.

    Granian's workers share their port with whoever else does, so it would not notice.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]
        raise CommandError(f"Port {port} on {host} cannot be used: {reason}") from error
    return str(address[0])
