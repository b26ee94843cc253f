"""Programs for shells of tests, each call of which is forked from a process that has imported the command."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.support import warm_commands
from tests.support.warm_commands import Command

TIMEOUT_S = 240.0
_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({address!r})
    socket.send_fds(asked, [b"*"], [0, 1, 2])
    asked.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode())
    asked.shutdown(socket.SHUT_WR)
    code = asked.recv(16)
sys.exit(int(code))
"""


@contextlib.contextmanager
def program(path: Path, function: str) -> Iterator[None]:
    """Write an executable file that runs a function of a console script, as :class:`Command` names it.

    Each call has the arguments, environment, folder, input and outputs of the one who made it, and its exit code is
    that of the command. The file works as long as the context is entered.
    """

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            _, files, _, _ = socket.recv_fds(self.request, 1, 3)
            given, out, errors = (os.fdopen(number, "r+b", buffering=0) for number in files)
            with given, out, errors, self.request.makefile("rb") as words:
                args, environ, folder = json.load(words)
                command = Command(function, args, environ, folder)
                code = warm_commands.start(command, stdin=given, stdout=out, stderr=errors).wait(TIMEOUT_S)
            self.request.sendall(str(code).encode())

    # The path of a socket has at most 107 bytes, which folders of tests may exceed, whatever TMPDIR says.
    folder = tempfile.mkdtemp(prefix="warm-", dir="/tmp")
    address = f"{folder}/socket"
    path.write_text(_PROGRAM.format(python=sys.executable, address=address))
    path.chmod(0o755)
    with socketserver.ThreadingUnixStreamServer(address, Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            shutil.rmtree(folder)
