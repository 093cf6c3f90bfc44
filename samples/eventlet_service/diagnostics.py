"""Switches and reports for on-call. Grown over the years, in the style of each author."""
import eventlet
import eventlet.debug
from eventlet import backdoor, debug
from eventlet.debug import format_hub_listeners, format_hub_timers as timers

try:
    from eventlet.debug import format_asyncio_info
except ImportError:  # Eventlet before 0.37
    format_asyncio_info = None


def configure(config):
    debug.hub_exceptions(True)  # a lost green thread must leave a trace in the log
    eventlet.debug.tpool_exceptions(config.debug)
    if config.debug:
        debug.hub_listener_stacks(True)
        debug.hub_timer_stacks(True)
    if config.blocking:
        # Anything that holds the hub for longer is a bug of ours.
        debug.hub_blocking_detection(True, resolution=config.blocking)
    if config.trace:
        debug.spew(trace_names=["service", "workers"])
    if config.shared_readers:
        debug.hub_prevent_multiple_readers(False)


def report():
    """Everything that the hub knows, as text."""
    parts = [format_hub_listeners(), timers(), debug.format_threads_info()]
    if format_asyncio_info is not None and "asyncio" in type(hub()).__module__:
        parts.append(format_asyncio_info())
    return "\n".join(parts)


def hub():
    return eventlet.hubs.get_hub()


def report_forever(seconds):
    while True:
        print(report(), flush=True)
        eventlet.sleep(seconds)


def open_backdoor(config, service):
    """telnet 127.0.0.1 PORT, then look at `service` or call report()."""
    eventlet.spawn(
        backdoor.backdoor_server,
        eventlet.listen(("127.0.0.1", config.backdoor_port)),
        locals={"service": service, "report": report},
    )
