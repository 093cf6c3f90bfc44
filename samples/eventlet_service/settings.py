"""Settings come from the environment, as operators like them."""
import collections
import os

Settings = collections.namedtuple(
    "Settings",
    "port workers debug blocking trace shared_readers backdoor_port report_every",
)


def number(name, default):
    try:
        return float(os.getenv(name, default))
    except ValueError:
        return float(default)


def flag(name, default="0"):
    return os.getenv(name, default).lower() in ("1", "true", "yes")


def load():
    return Settings(
        port=int(number("PRICES_PORT", "0")),
        workers=int(number("PRICES_WORKERS", "4")),
        debug=flag("PRICES_DEBUG", "1"),
        blocking=number("PRICES_BLOCKING", "1"),
        trace=flag("PRICES_TRACE"),
        shared_readers=flag("PRICES_SHARED_READERS"),
        backdoor_port=int(number("PRICES_BACKDOOR", "0")),
        report_every=number("PRICES_REPORT", "300"),
    )
