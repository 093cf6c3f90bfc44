"""A pool of workers that take jobs from a queue, a few at a time."""
import hashlib

import eventlet
from eventlet import event, semaphore, tpool
from eventlet.greenpool import GreenPool
from eventlet.queue import Queue


class Workers:
    def __init__(self, size):
        self.queue = Queue()
        self.pool = GreenPool(size)
        self.vendor = semaphore.Semaphore(2)  # the vendor allows two requests at a time
        self.done = 0
        for number in range(size):
            self.pool.spawn_n(self.work, number)

    def submit(self, symbol, delay):
        """Returns an event that receives the price."""
        result = event.Event()
        self.queue.put((symbol, delay, result))
        return result

    def work(self, number):
        while True:
            symbol, delay, result = self.queue.get()
            try:
                result.send(self.fetch(symbol, delay))
            except Exception as error:
                result.send_exception(error)
            finally:
                self.done += 1

    def fetch(self, symbol, delay):
        with self.vendor:
            eventlet.sleep(delay)  # the vendor takes its time
        if not symbol.isalpha():
            raise ValueError("no such symbol: %r" % symbol)
        digest = tpool.execute(hashlib.sha256, symbol.encode()).hexdigest()
        return int(digest[:4], 16) / 100.0
