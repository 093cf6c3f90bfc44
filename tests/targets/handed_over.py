"""A green thread that another is sent as the result of an event, while no hub has a turn.

Prints ``ready`` when the main thread goes into a long call.
"""

import os

import eventlet
from eventlet import event
from eventlet.patcher import original


def receiver(kept):
    return kept.wait()


def handed_over():
    event.Event().wait()


sent = event.Event()
eventlet.spawn(receiver, sent)
payload = eventlet.spawn(handed_over)
eventlet.sleep(0)
sent.send(payload)
print(f"ready pid={os.getpid()}", flush=True)
original("time").sleep(3600)
