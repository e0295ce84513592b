"""What a server that is under load asks of its database, by route.

A Django app: the lab serves Vivace under `noting.settings`, which has it, where slow statements
are looked for. Each process writes what it noted into a file of its own.
"""
