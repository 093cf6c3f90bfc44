"""The WSGI application: /price?symbol=ABC, /report, /healthz."""
from urllib.parse import parse_qs

import eventlet

import diagnostics


class Service:
    def __init__(self, workers, timeout=10):
        self.workers = workers
        self.timeout = timeout

    def __call__(self, environ, start_response):
        query = parse_qs(environ.get("QUERY_STRING", ""))
        status, text = self.answer(environ["PATH_INFO"], query)
        body = (text + "\n").encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def answer(self, path, query):
        if path == "/healthz":
            return "200 OK", "%d done, %d queued" % (self.workers.done, self.workers.queue.qsize())
        if path == "/report":
            return "200 OK", diagnostics.report()
        if path != "/price":
            return "404 Not Found", "no such page"
        symbol = query.get("symbol", [""])[0]
        delay = float(query.get("delay", ["0.01"])[0])
        try:
            with eventlet.Timeout(self.timeout):
                return "200 OK", "%s %.2f" % (symbol, self.workers.submit(symbol, delay).wait())
        except eventlet.Timeout:
            return "504 Gateway Timeout", "the vendor does not answer"
        except ValueError as error:
            return "400 Bad Request", str(error)
