"""Every operation of the API, as the router has it: what is added there is tested unasked."""

from typing import Any, NamedTuple

from dmr.endpoint import Endpoint

from vivace.api.pages import PageQuery
from vivace.api.urls import router


class Operation(NamedTuple):
    method: str
    path: str
    """As the router has it: `artists/<id>`."""
    endpoint: Endpoint

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def query(self) -> Any:
        """What its query parameters are read into."""
        for parser in self.endpoint.metadata.component_parsers:
            if "Query" in type(parser.parser).__name__:
                return parser.model
        return None

    @property
    def takes_body(self) -> bool:
        names = {type(spec.parser).__name__ for spec in self.endpoint.metadata.component_parsers}
        return "StrictBody" in names


OPERATIONS = [
    Operation(method, str(pattern.pattern), endpoint)
    for pattern in router.urls
    for method, endpoint in pattern.callback.view_class.api_endpoints.items()  # type: ignore[union-attr]
]

COLLECTIONS = [
    operation.path
    for operation in OPERATIONS
    if operation.method == "GET" and issubclass(operation.query, PageQuery)
]
