"""The price service as it ran for ten years: python samples/eventlet_service"""
import eventlet
eventlet.monkey_patch()

import os

from eventlet import wsgi

import diagnostics
import settings
from service import Service
from workers import Workers


def main():
    config = settings.load()
    diagnostics.configure(config)
    workers = Workers(config.workers)
    service = Service(workers)
    diagnostics.open_backdoor(config, service)

    sock = eventlet.listen(("127.0.0.1", config.port))
    eventlet.spawn_after(config.report_every, diagnostics.report_forever, config.report_every)
    # The backdoor's green thread and the workers get their first turn before we say so.
    eventlet.sleep(0)
    print("ready pid=%d port=%d" % (os.getpid(), sock.getsockname()[1]), flush=True)
    wsgi.server(sock, service, log_output=False, debug=config.debug)


if __name__ == "__main__":
    main()
