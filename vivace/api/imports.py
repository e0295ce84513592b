"""A file of rows over HTTP, into the library while the client waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from msgspec import Meta

from vivace.accounts import people
from vivace.api import schemas
from vivace.api.answers import answers
from vivace.api.auth import account_id, editor
from vivace.api.bodies import check_length, check_media_type
from vivace.api.conditional import plain
from vivace.api.controller import Api
from vivace.api.idempotency import HEADER, checked, kept
from vivace.api.parameters import Query
from vivace.imports.formats import Format
from vivace.imports.report import ImportReport
from vivace.imports.rows import SourceName
from vivace.imports.run import import_rows
from vivace.problems import MAX_FAULTS, Fault, Invalid, LengthRequired

FORMATS: dict[str, Format] = {"application/x-ndjson": "jsonl", "text/csv": "csv"}
CHUNK_BYTES = 1 << 20


class ImportQuery(msgspec.Struct, kw_only=True):
    source: Annotated[SourceName, Meta(description="Where `source_id` comes from")] | None = None
    strict: Annotated[bool, Meta(description="All rows or none: 400 where one is wrong")] = False
    dry_run: Annotated[bool, Meta(description="Say what would be done, and do nothing")] = False


class Imports(Api):
    tags = ("imports",)

    @answers(
        schemas.ImportReport, 409, 411, 413, 415, 422, auth=[editor], operation_id="importRows"
    )
    def post(self, parsed_query: Query[ImportQuery]) -> HttpResponse:
        """Import rows as JSON Lines or CSV, in one transaction. Playlists become one's own."""
        check_length(self.request, settings.IMPORT_MAX)
        check_media_type(self.request, *FORMATS)
        with spooled(self.request) as (file, fingerprint):
            key = self.request.META.get(HEADER)
            if key is None:
                return self.imported(file, parsed_query)
            return kept(
                account_id(self.request),
                checked(key),
                fingerprint,
                lambda: self.imported(file, parsed_query),
                # An import has its own transaction, and none of it may wait for the body's rows.
                together=False,
            )

    def imported(self, file: BinaryIO, query: ImportQuery) -> HttpResponse:
        report = import_rows(
            file,
            format=FORMATS[self.request.content_type or ""],
            source=query.source,
            owner=people.active(account_id(self.request)),
            strict=query.strict,
            dry_run=query.dry_run,
        )
        if query.strict and report.refused:
            raise kept_out(report)
        return plain(
            schemas.ImportReport(
                report.added,
                report.changed,
                report.unchanged,
                report.refused,
                [schemas.RefusedRow(row.line, row.reason) for row in report.errors],
                report.notes,
                round(report.write_lock_ms, 1),
            ),
        )


def kept_out(report: ImportReport) -> Invalid:
    """Of a file that was to be imported as a whole."""
    faults = [Fault(f"Line {row.line}: {row.reason}") for row in report.errors[:MAX_FAULTS]]
    return Invalid(f"Nothing is imported: {report.refused:,} of the rows are wrong", errors=faults)


@contextmanager
def spooled(request: HttpRequest) -> Iterator[tuple[BinaryIO, bytes]]:
    """The whole body in a file of its own, and the fingerprint of the request.

    Nothing is imported of a body that ends early: its client has gone away.
    """
    stated = request.META.get("CONTENT_LENGTH")
    if not stated:
        raise LengthRequired("Send Content-Length: how long the file is")
    told = f"{request.method} {request.get_full_path_info()} {request.content_type}\0"
    fingerprint, received = sha256(told.encode()), 0
    with TemporaryFile() as file:
        try:
            while chunk := request.read(CHUNK_BYTES):
                received += len(chunk)
                fingerprint.update(chunk)
                file.write(chunk)
        except UnreadablePostError as error:
            raise Invalid("The body broke off") from error
        if received != int(stated):
            raise Invalid(f"The body ended after {received:,} of {int(stated):,} bytes")
        file.seek(0)
        yield file, fingerprint.digest()
