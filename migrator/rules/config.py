"""Eventlet named outside of code: configuration, environment, options, dependencies."""

from __future__ import annotations

from migrator import api
from migrator.rules import Family, by_hand

_DEPLOYED = "it changes how the service is deployed"
_AT_THE_END = "remove it with the last import"

# eventletutils has a rule of its own.
_MODULES = sorted(api.LIBRARY_MODULES - {"oslo_utils.eventletutils"})
_NAMES = sorted(name for name in api.LIBRARY_NAMES if not name.startswith("futurist."))
_PARTS = " ".join([*(f"{name} {name}.*" for name in _MODULES), *_NAMES])

FAMILY = Family(
    name="config",
    prefix="EVT9",
    title="Libraries, configuration and dependencies",
    intro="Libraries that run on Eventlet because they are told to, and the package itself.",
    rules=(
        by_hand(
            "EVT901",
            "configured-library",
            "a library is configured to run on Eventlet",
            "config:*",
            "gunicorn and celery drop or deprecate their Eventlet modes with Eventlet itself.",
            "another worker (gunicorn: gthread or an ASGI worker; celery: prefork or threads; "
            "Socket.IO: asgi or threading)",
            asyncio=None,
            because=_DEPLOYED,
            example=('worker_class = "eventlet"', 'worker_class = "uvicorn_worker.UvicornWorker"'),
        ),
        by_hand(
            "EVT902",
            "environment-variable",
            "an environment variable that Eventlet reads, or that turns it on",
            "environment:*",
            "EVENTLET_HUB chooses a hub, EVENTLET_NO_GREENDNS the resolver.",
            "goes with Eventlet; until then EVENTLET_HUB=asyncio",
            asyncio="",
            because=_DEPLOYED,
        ),
        by_hand(
            "EVT903",
            "option",
            "an option of the project's own that turns Eventlet's hooks on",
            "option:*",
            "Operators know it; it outlives the code behind it.",
            "deprecate the option together with the code that reads it",
            asyncio=None,
            because="people set it in files that are not here",
        ),
        by_hand(
            "EVT904",
            "green-executor",
            "futurist's green executor or future is used",
            "futurist.GreenThreadPoolExecutor futurist.GreenFuture",
            "Its workers are green threads; futurist removes it together with Eventlet.",
            "futurist.ThreadPoolExecutor; in async code loop.run_in_executor or asyncio.to_thread",
            asyncio="futurist.ThreadPoolExecutor(max_workers=...)",
            because="native threads run at the same time: what they share needs locks",
            example=(
                "pool = futurist.GreenThreadPoolExecutor(10)",
                "pool = futurist.ThreadPoolExecutor(10)",
            ),
        ),
        by_hand(
            "EVT905",
            "eventletutils",
            "oslo.utils' `eventletutils` is used",
            "oslo_utils.eventletutils oslo_utils.eventletutils.*",
            "It asks whether Eventlet patched the process; oslo.utils has deprecated it.",
            "threading.Event for its Event; what it asks is no longer a question",
            asyncio="threading.Event()",
            because="code behind the question goes, too",
        ),
        by_hand(
            "EVT906",
            "library-part",
            "the part that a library has for Eventlet is used by its own name",
            _PARTS,
            "Libraries drop these parts with Eventlet; gunicorn has since version 26.",
            "the library's threading or asyncio part, or another library where it has none",
            asyncio=None,
            because="which part takes its place is for the library's documentation to say",
            example=(
                "from kazoo.handlers.eventlet import SequentialEventletHandler",
                "from kazoo.handlers.threading import SequentialThreadingHandler",
            ),
        ),
        by_hand(
            "EVT951",
            "dependency",
            "Eventlet is a dependency",
            "dependency:eventlet",
            "As long as it is installed, something imports it.",
            "remove it with the last import",
            asyncio="",
            because=_AT_THE_END,
            keep="needed until the last import is gone; 0.37 or newer has the asyncio hub",
        ),
        by_hand(
            "EVT952",
            "greenlet-dependency",
            "greenlet is a direct dependency",
            "dependency:greenlet",
            "Eventlet brings it by itself; SQLAlchemy's asyncio support needs it, too.",
            "remove it unless something else needs it",
            asyncio="",
            because=_AT_THE_END,
        ),
    ),
)
