"""Every setting of Vivace, read from the environment once, at the start.

`docs/settings.md` lists the variables. A value that cannot be right stops the start with the
name of its variable.
"""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_network
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from platformdirs import user_data_path

# --- Reading the environment -----------------------------------------------------------------

T = TypeVar("T")


def read(name: str, default: T, parse: Callable[[str], T]) -> T:
    """The parsed value of a variable, or its default where it is unset or empty."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from error


def switch(text: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither on nor off")
    return words[text.lower()]


def names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def size(text: str) -> int:
    """Bytes, from a number with an optional unit (`256MiB`, `1GiB`)."""
    match = re.fullmatch(r"(\d+)\s*(|[KMG]iB)", text)
    if not match or not int(match[1]):
        raise ValueError(f"{text!r} is not a size such as 256MiB")
    return int(match[1]) << {"": 0, "KiB": 10, "MiB": 20, "GiB": 30}[match[2]]


def rate(text: str) -> tuple[int, int]:
    """How many in how many seconds, from `10/300`."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not int(match[1]) or not int(match[2]):
        raise ValueError(f"{text!r} is not a rate such as 10/300, ten in 300 seconds")
    return int(match[1]), int(match[2])


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not one of {', '.join(words)}")
        return text

    return parse


def hosts(text: str) -> list[str]:
    """Names and addresses without a port, `*` for all, `.example.org` for all below that."""
    found = names(text)
    for host in found or [text]:
        if not re.fullmatch(r"\*|\.?[\w-]+(\.[\w-]+)*|\[[0-9a-fA-F:.]+\]", host):
            raise ValueError(
                f"{host!r} is not a host such as music.example.org or [::1], without a port"
            )
    return found


ORIGIN = re.compile(
    r"(?P<scheme>https?)://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[(?P<ipv6>[0-9a-f:]+)\])"
    r"(:(?P<port>[1-9][0-9]{0,4}))?"
)


def origins(text: str) -> list[str]:
    """Each as browsers send it: letter for letter, as nothing else is let in."""
    for origin in (found := names(text)):
        if not is_origin(origin):
            raise ValueError(
                f"{origin!r} is not an origin as browsers send it, such as https://app.example.org:"
                " in small letters, without a default port, and without anything behind"
            )
    return found


def is_origin(text: str) -> bool:
    match = ORIGIN.fullmatch(text)
    if not match:
        return False
    scheme, ipv6, port = match["scheme"], match["ipv6"], int(match["port"] or 0)
    if ipv6 and str(IPv6Address(ipv6)) != ipv6:
        return False
    return port < 1 << 16 and port != {"http": 80, "https": 443}[scheme]


def proxies(text: str) -> list[str]:
    """Addresses, networks, or `unix` for whoever connects through a Unix socket."""
    for proxy in (found := names(text)):
        if proxy != "unix":
            ip_network(proxy, strict=False)
    return found


# --- Where the data is -----------------------------------------------------------------------

DATA_DIR = read("VIVACE_DATA_DIR", user_data_path("vivace", appauthor=False), Path).absolute()

SQLITE_OPTIONS = {
    # Atomic blocks exist to write: taking the write lock at their start makes two writers
    # queue, where a lock taken halfway is refused at once.
    "transaction_mode": "IMMEDIATE",
    # Seconds. An import of a million tracks holds the lock for half a minute, and for several
    # minutes where the machine is busy.
    "timeout": 300,
    # Values arrive as stored. The ORM's own converters still run; a column's declared type
    # would have every raw row parsed a second time.
    "detect_types": 0,
    "init_command": (
        "PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = NORMAL;"
        "PRAGMA cache_size = -32000;"
        # A bulk write fills 1,300 pages: the default of 1,000 has it pay for a checkpoint, too.
        "PRAGMA wal_autocheckpoint = 8000;"
        "PRAGMA journal_size_limit = 67108864;"
    ),
}
POSTGRESQL_OPTIONS = {
    # Seconds. Where nothing is heard at all, TCP would go on for minutes.
    "connect_timeout": "5",
    # Nor for a quarter of an hour where a connection falls silent, with the machine at its end. A
    # PostgreSQL that does not read looks like that, too: during a COPY it may wait for a lock.
    "tcp_user_timeout": "60000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "server_side_binding": True,
    "prepare_threshold": 5,
    # Its costs are those of disks that turn: it would read all genres for each track rather than
    # look one up. It would also spend longer compiling a large page than reading it.
    "options": "-c random_page_cost=1.1 -c jit=off",
}
ELSEWHERE = {"user", "password", "dbname", "port", "client_encoding", "replication"}
"""Parameters of libpq that stand before the question mark of a URL, or are not to be chosen."""


def sqlite(path: Path) -> dict[str, Any]:
    """One entry of DATABASES."""
    return {
        "ENGINE": "vivace.sqlite",
        "NAME": path,
        "OPTIONS": SQLITE_OPTIONS,
        "CONN_MAX_AGE": None,
        "TEST": {"NAME": path.with_name(f"test_{path.name}")},
    }


def database(url: str) -> dict[str, Any]:
    """The same, from `sqlite:///path` or `postgresql://user:word@host:port/name`."""
    parts = without_fragment(url)
    if parts.scheme == "sqlite":
        if parts.netloc or parts.query or len(parts.path) < 2:
            raise ValueError("an SQLite database is sqlite:/// and the path of its file")
        return sqlite(Path(unquote(parts.path[1:])).absolute())
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("it starts with sqlite:/// or postgresql://")
    name = unquote(parts.path[1:])
    if not name:
        raise ValueError("the name of the database is missing after the host")
    return {
        "ENGINE": "vivace.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "OPTIONS": postgresql_options(parts),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }


def without_fragment(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("a # in it is written %23")
    return parts


def postgresql_options(url: SplitResult) -> dict[str, Any]:
    """Ours, and the parameters of libpq after the question mark; `options` are added to ours."""
    if not url.query:
        return POSTGRESQL_OPTIONS
    # With SQLite it need not be loaded: it takes 10 MB.
    from psycopg.pq import Conninfo

    known = {each.keyword.decode() for each in Conninfo.get_defaults()} - ELSEWHERE
    if url.hostname:
        known.discard("host")
    given: dict[str, str] = {}
    for part in url.query.split("&"):
        name, _, value = map(unquote, part.partition("="))
        if name not in known or name in given or not value:
            raise ValueError(f"{part!r} is no parameter of PostgreSQL's that can be set there")
        given[name] = value
    if "options" in given:
        given["options"] = f"{POSTGRESQL_OPTIONS['options']} {given['options']}"
    return POSTGRESQL_OPTIONS | given


def redis_url(text: str) -> str:
    parts = without_fragment(text)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("it starts with redis://, rediss:// or unix://")
    if parts.scheme != "unix" and not re.fullmatch(r"/?|/[0-9]+", parts.path):
        raise ValueError("a database of Redis is a number: redis://host:port/0")
    from redis import ConnectionPool, RedisError

    try:
        # It connects when it is first used: what else may be wrong is told by its parts.
        pool = ConnectionPool.from_url(text)
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, IndexError, RedisError) as error:
        raise ValueError(f"{error}") from error
    return text


def redis_cache(url: str) -> dict[str, Any]:
    # Where there is no Redis its client need not be loaded: it takes 7 MB.
    from redis import ConnectionError as Closed
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "BACKEND": "vivace.redis_cache.RedisCache",
        # In a list: alone it would be split at commas.
        "LOCATION": [url],
        "OPTIONS": {
            # Seconds. What Redis keeps can be made again from the database.
            "socket_timeout": 0.05,
            "socket_connect_timeout": 0.05,
            # Of the newer protocol, what nobody asked for may stand before a reply.
            "protocol": 2,
            # One more try, but only for a connection that was closed while it was idle.
            "retry": Retry(NoBackoff(), 1, supported_errors=(Closed,)),
        },
    }


EMBEDDED = sqlite(DATA_DIR / "vivace.sqlite3")
DATABASES = {"default": read("DATABASE_URL", EMBEDDED, database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = read("REDIS_URL", "", redis_url)
CACHE = read("VIVACE_CACHE", True, switch)
CACHE_MAX = read("VIVACE_CACHE_MAX", 32 << 20, size)
SHARED_SECONDS = 600
"""How long Redis keeps an answer that a change may have made useless."""
CACHES = {
    # Answers, for all processes. There has to be one of this name.
    "default": (
        redis_cache(REDIS_URL)
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}
    ),
    # Answers, in each process.
    "answers": {
        "BACKEND": "vivace.memory.Memory",
        "LOCATION": "answers",
        "TIMEOUT": None,
        "OPTIONS": {"max_bytes": CACHE_MAX},
    },
}

# --- Secrets, hosts and doors ----------------------------------------------------------------

SECRET_MIN_LENGTH = 50


def secret(text: str) -> str:
    if len(text) < SECRET_MIN_LENGTH:
        raise ValueError(f"it has {len(text)} characters, at least {SECRET_MIN_LENGTH} are needed")
    return text


def make_secret(path: Path) -> None:
    # Whole, and for nobody else's eyes, before it has its name.
    with NamedTemporaryFile("w", dir=path.parent, encoding="ascii") as made:
        made.write(secrets.token_urlsafe(SECRET_MIN_LENGTH))
        made.flush()
        # Two first starts at once: the one that creates the file wins, the other reads it.
        with suppress(FileExistsError):
            os.link(made.name, path)


def kept_secret() -> str:
    """The key in the data folder, made at the first start of a library on the embedded default."""
    if DATABASES["default"] is not EMBEDDED:
        raise ImproperlyConfigured(
            "VIVACE_SECRET_KEY: it is required with a DATABASE_URL, "
            f"at least {SECRET_MIN_LENGTH} characters, the same on every node"
        )
    path = DATA_DIR / "secret-key"
    try:
        if not path.exists():
            make_secret(path)
        return secret(path.read_text(encoding="ascii"))
    except OSError as error:
        raise unusable(error) from error
    except ValueError as error:
        raise ImproperlyConfigured(f"VIVACE_SECRET_KEY: the one kept in {path}: {error}") from error


def unusable(error: OSError) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"VIVACE_DATA_DIR: {DATA_DIR} cannot be used: {error.strerror}")


if DATABASES["default"] is EMBEDDED:
    try:
        # Who else is on the machine may not read accounts and sessions.
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(error) from error

SECRET_KEY = read("VIVACE_SECRET_KEY", "", secret) or kept_secret()
DEBUG = read("VIVACE_DEBUG", False, switch)
ALLOWED_HOSTS = read("VIVACE_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"], hosts)
TRUSTED_PROXIES: list[str] = read("VIVACE_TRUSTED_PROXIES", [], proxies)
CORS_ORIGINS: list[str] = read("VIVACE_CORS_ORIGINS", [], origins)
PUBLIC_READ = read("VIVACE_PUBLIC_READ", False, switch)
REGISTRATION = read("VIVACE_REGISTRATION", False, switch)
LOGIN_LIMIT = read("VIVACE_LOGIN_LIMIT", (10, 300), rate)
IMPORT_MAX = read("VIVACE_IMPORT_MAX", 256 << 20, size)

# The API bounds its bodies itself, by their stated length; this is the bound of JSON.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 << 20

# Of listed origins django-cors-headers would compare scheme and host alone, and let in what has
# something behind them; `api/stored.py` compares as browsers do.
CORS_ALLOWED_ORIGIN_REGEXES = [rf"{re.escape(origin)}\Z" for origin in CORS_ORIGINS]
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match",
    "x-request-id", "x-requested-with",
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "ETag", "Idempotency-Replayed", "Location", "RateLimit", "RateLimit-Policy", "Retry-After",
    "X-Request-Id",
]  # fmt: skip

# A trusted proxy ends TLS and says what the client used; its cookies then keep to it. Sending
# plain requests on to TLS, and HSTS, are that proxy's own business.
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(TRUSTED_PROXIES)
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]

# --- The application -------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "dmr",
    "vivace.accounts",
    "vivace.catalogue",
    "vivace.listening",
    "vivace.imports",
    "vivace.dataset",
    "vivace.api",
    "vivace.lab",
]
MIDDLEWARE = [
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ORIGINS else []),
    "vivace.api.middleware.known_host",
    "vivace.api.middleware.trailing_slash",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "vivace.api.middleware.straight",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "vivace.urls"
WSGI_APPLICATION = "vivace.wsgi.application"
APPEND_SLASH = False
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["vivace.accounts.backends.Limited"]
STATIC_URL = "/static/"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["vivace.accounts.passwords.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "vivace.accounts.passwords.LengthValidator"},
]

# --- The log ---------------------------------------------------------------------------------

LOG = read("VIVACE_LOG", "text", one_of("text", "json"))
ACCESS_LOG = read("VIVACE_ACCESS_LOG", False, switch)

# To the standard error output, where whatever runs the server collects it.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s %(request_id)s: %(message)s"},
        "json": {"()": "vivace.logs.JsonLines"},
    },
    "filters": {"request": {"()": "vivace.logs.WithRequest"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG, "filters": ["request"]}
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "vivace.requests": {"level": "INFO"},
        # Instead of Django's own, which are silent where DEBUG is off.
        "django": {"handlers": [], "level": "INFO"},
        # What clients do wrong they are told themselves.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
