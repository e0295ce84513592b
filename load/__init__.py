"""Load tests, for Locust. `make load` runs them; so does `locust -f load/locustfile.py`."""
