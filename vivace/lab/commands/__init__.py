"""The parts of `vivace lab`, a module each: its `HELP`, `add_arguments(parser)` and `run(options)`.

What measures is imported where it runs, so that `vivace lab --help` works without the libraries
that `make dev` installs.
"""
