"""Has a descriptor of each kind open; the ready line names them: ``tcp=7:127.0.0.1:40001``."""

from __future__ import annotations

import os
import socket
import tempfile
import time

said = [f"pid={os.getpid()}"]
kept = []
for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        continue  # no IPv6 here
    client = socket.create_connection(server.getsockname()[:2])
    accepted = server.accept()[0]
    kept += [server, client, accepted]
    shown = f"[{host}]" if ":" in host else host
    port, own = server.getsockname()[1], client.getsockname()[1]
    name = family.name.lower()
    said.append(f"{name}-client={client.fileno()}|{shown}:{port}")
    said.append(f"{name}-server={accepted.fileno()}|{shown}:{own}")
    said.append(f"{name}-listener={server.fileno()}|listening+on+{shown}:{port}")
folder = tempfile.mkdtemp()
path = os.path.join(folder, "s.sock")  # noqa: PTH118
with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
    listener.bind(path)
    listener.listen()
    client.connect(path)
    accepted = listener.accept()[0]
    said.append(f"unix-listener={listener.fileno()}|listening+on+{path}")
    said.append(f"unix-server={accepted.fileno()}|{path}")
    said.append(f"unix-client={client.fileno()}|{path}")
    pipe = os.pipe()
    said.append(f"pipe={pipe[0]}|pipe")
    with open("/dev/null") as null:  # noqa: PTH123
        said.append(f"file={null.fileno()}|/dev/null")
        print("ready", *said, flush=True)
        os.unlink(path)  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106
        time.sleep(600)
