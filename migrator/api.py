"""What is known about Eventlet's own names: modules, star imports, and where an API ends.

Source: eventlet 0.41.3. Modules that older releases had are kept, since the code that is
to be migrated was written for them.
"""

from __future__ import annotations

from functools import lru_cache

# Modules whose attributes are APIs. eventlet.green.* is open-ended and handled by prefix.
_MODULES = (
    "asyncio backdoor convenience corolocal coros dagpool db_pool debug event green "
    "greenio greenio.base greenio.py3 greenlet greenpool greenthread hubs hubs.asyncio hubs.epolls "
    "hubs.hub hubs.kqueue hubs.poll hubs.pyevent hubs.selects hubs.timer lock patcher "
    "pool pools proc processes queue saranwrap semaphore support support.greendns "
    "support.greenlets support.psycopg2_patcher timeout tpool twistedutil util websocket "
    "wsgi zipkin"
)
MODULES = frozenset(f"eventlet.{name}" for name in _MODULES.split()) | {"eventlet", "greenlet"}

# What `from MODULE import *` binds. Modules are bound only when something imported them.
STAR = {
    "eventlet": (
        "connect listen serve wrap_ssl StopServe import_patched monkey_patch sleep spawn "
        "spawn_n spawn_after spawn_after_local kill getcurrent GreenPool GreenPile Queue "
        "Semaphore CappedSemaphore BoundedSemaphore Timeout with_timeout wrap_is_timeout "
        "is_timeout exc_after Event TimeoutError timeout convenience event greenpool "
        "greenthread patcher queue semaphore support"
    ),
    "eventlet.debug": (
        "spew unspew Spew format_hub_listeners format_hub_timers hub_listener_stacks "
        "hub_exceptions tpool_exceptions hub_prevent_multiple_readers hub_timer_stacks "
        "hub_blocking_detection format_asyncio_info format_threads_info"
    ),
    "eventlet.backdoor": "backdoor backdoor_server SocketConsole FileProxy",
    "eventlet.event": "Event NOT_USED",
    "eventlet.greenpool": "GreenPool GreenPile GreenMap DEBUG",
    "eventlet.greenthread": (
        "getcurrent sleep spawn spawn_n spawn_after spawn_after_local GreenThread kill cancel "
        "call_after call_after_local call_after_global exc_after with_timeout TimeoutError"
    ),
    "eventlet.hubs": "use_hub get_hub get_default_hub trampoline notify_close",
    "eventlet.patcher": (
        "inject import_patched monkey_patch is_monkey_patched original patch_function"
    ),
    "eventlet.pools": "Pool TokenPool",
    "eventlet.queue": "Queue PriorityQueue LifoQueue LightQueue Full Empty",
    "eventlet.semaphore": "Semaphore BoundedSemaphore CappedSemaphore",
    "eventlet.timeout": "Timeout with_timeout wrap_is_timeout is_timeout",
    "eventlet.tpool": "execute Proxy killall set_num_threads",
    "eventlet.websocket": "WebSocketWSGI WebSocket RFC6455WebSocket",
    "eventlet.wsgi": "server Server HttpProtocol Input format_date_time",
    "greenlet": "greenlet getcurrent GreenletExit gettrace settrace error",
}

# What `eventlet.wsgi` puts into a request's environ, by the name without "eventlet.".
ENVIRON = frozenset({"input", "minimum_write_chunk_size", "posthooks", "set_idle"})

# Calls whose result is still Eventlet's own and whose attributes are worth a finding. What is
# asked of a hub names the call, too ("eventlet.hubs.get_hub().x"); the others are uses by
# themselves.
HUBS = frozenset({"eventlet.hubs.get_hub", "eventlet.hubs.hub.get_hub"})
_OBJECTS = {
    "event": "Event",
    "greenpool": "GreenPile GreenPool",
    "greenthread": "spawn spawn_after spawn_after_local",
    "queue": "LifoQueue LightQueue PriorityQueue Queue",
    "semaphore": "BoundedSemaphore CappedSemaphore Semaphore",
    "timeout": "Timeout",
}
_GIVEN = {
    below: tuple(
        f"{module}.{name}" for module in ("eventlet", f"eventlet.{below}") for name in names.split()
    )
    for below, names in _OBJECTS.items()
}
_POOLS = ("eventlet.GreenPool().spawn", "eventlet.greenpool.GreenPool().spawn")
STARTERS = (*_GIVEN["greenthread"], *_POOLS)  # they give green threads
TRACKED_RESULTS = HUBS.union(_POOLS, *_GIVEN.values())
ENTERED = frozenset({"eventlet.Timeout()", "eventlet.timeout.Timeout()"})  # `with` gives them

# oslo.service's module and the copies of its predecessor in a hundred repositories.
BACKDOOR_MODULE = "eventlet_backdoor"

# Parts of other libraries that are Eventlet's in all but name: modules, and names in modules.
LIBRARY_MODULES = frozenset(
    {
        "aioeventlet",
        "cassandra.io.eventletreactor",
        "celery.concurrency.eventlet",
        "engineio.async_drivers.eventlet",
        "engineio.async_eventlet",
        "gunicorn.workers.geventlet",
        "kazoo.handlers.eventlet",
        "oslo_service.backend._eventlet",
        "oslo_service.backend.eventlet",
        "oslo_utils.eventletutils",
        "psycogreen.eventlet",
        "raven.transport.eventlet",
        "ryu.lib.hub",
        "taskflow.utils.eventlet_utils",
    }
)
LIBRARY_NAMES = frozenset(
    {
        "bottle.EventletServer",
        *(f"celery.signals.eventlet_pool_{name}" for name in ("apply", "postshutdown")),
        *(f"celery.signals.eventlet_pool_{name}" for name in ("preshutdown", "started")),
        "futurist.GreenFuture",
        "futurist.GreenThreadPoolExecutor",
        "oslo_service.wsgi.Server",
    }
)
LIBRARY_ROOTS = frozenset(name.partition(".")[0] for name in LIBRARY_MODULES | LIBRARY_NAMES)
# Packages and modules on the way there: `from celery import signals` is no use by itself.
LIBRARY_WAYS = frozenset(
    ".".join(name.split(".")[:end])
    for name in LIBRARY_MODULES | LIBRARY_NAMES
    for end in range(1, name.count(".") + 1)
)
# Those of them that code uses without a word of Eventlet: module -> what it gives.
UNSAID = {
    "oslo_service.wsgi": {"Server": "oslo_service.wsgi.Server"},
    "ryu.lib": {"hub": "ryu.lib.hub"},
}


@lru_cache(maxsize=10_000)  # asked again and again for the same few
def is_eventlet(name: str) -> bool:
    """Whether the dotted name belongs to Eventlet, greenlet or what a library has for them."""
    root = name.partition(".")[0]
    return (
        root in ("eventlet", "greenlet")
        or (root in LIBRARY_ROOTS and is_library(name))
        or (BACKDOOR_MODULE in name and BACKDOOR_MODULE in name.split("."))
    )


def is_library(name: str) -> bool:
    """Whether the dotted name is, or lies below, a library's own part for Eventlet."""
    while name:
        if name in LIBRARY_MODULES or name in LIBRARY_NAMES:
            return True
        name = name.rpartition(".")[0]
    return False


def is_public(name: str) -> bool:
    """Whether ``eventlet`` has a name, or its server a request's key, that is called so."""
    return f"eventlet.{name}" in MODULES or name in ENVIRON or name in STAR["eventlet"].split()


@lru_cache(maxsize=10_000)
def is_module(name: str) -> bool:
    """Whether the dotted name is a module: its next attribute is still part of the API."""
    return (
        name in MODULES
        or name in LIBRARY_MODULES
        or name.rpartition(".")[2] == BACKDOOR_MODULE
        or (name.startswith("eventlet.green.") and name.count(".") <= 2)
        or not is_eventlet(name)
    )
