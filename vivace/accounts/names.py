"""The names an account goes by: a username or an e-mail address."""

import re
import unicodedata

from django.core.validators import RegexValidator

USERNAME_LENGTH = 150
EMAIL_LENGTH = 254

# What cannot be stored (PostgreSQL refuses NUL) or sent (UTF-8 has no lone surrogates).
UNWRITABLE = re.compile("[\0\ud800-\udfff]")

check_username = RegexValidator(
    r"^[\w.+-]+\Z",
    "A username is made of letters, digits and the characters . + - _",
)


def fold_name(name: str) -> str:
    """What two spellings of one username or address have in common: all but case and form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def key_of(login: str) -> tuple[str, str]:
    """The column that a login is looked up in, and what stands there."""
    return "email_key" if "@" in login else "username_key", fold_name(login)


def is_writable(text: str) -> bool:
    return not UNWRITABLE.search(text)
