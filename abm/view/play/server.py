"""The small server behind the player: this machine only, a token for all data, reading only."""

from __future__ import annotations

import errno
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any
from urllib.parse import urlsplit

from abm import __version__
from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.view.play.api import Answer, Api, as_json
from abm.view.play.assets import INDEX, MEDIA, read_asset
from abm.view.play.guard import TOKEN_HEADER, Refused, check_host, check_token, new_token
from abm.view.play.session import Session

LOOPBACK = "127.0.0.1"
IDLE_SECONDS = 60.0  # after which a silent connection is closed
MOST_CONNECTIONS = 64

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class PlayServer(ThreadingHTTPServer):
    """Serves a session on the loopback interface.

    Parameters
    ----------
    session : Session
        Stays open until :meth:`stop`; closing it is up to the caller.
    port : int
        0 for any that is free.

    Attributes
    ----------
    token : str
        Without it no data are given.

    Raises
    ------
    RecordError
        The port is taken, or may not be used.
    """

    daemon_threads = True
    # Connections waiting to be accepted.
    request_queue_size = 32

    def __init__(self, session: Session, port: int = 0) -> None:
        self.token = new_token()
        self.api = Api(session)
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise RecordError(
                    f"port {port} is used by another program; choose another, or none"
                ) from error
            raise os_fault(f"port {port}", "listen", error) from error

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the player is; the token stands behind the #, which browsers send to nobody."""
        return f"http://{LOOPBACK}:{self.port}/#token={self.token}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection its thread, or close it where there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Connections that break are everyday life: browsers drop what they no longer need."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PlayServer
    protocol_version = "HTTP/1.1"
    server_version = f"abm/{__version__}"
    sys_version = ""
    timeout = IDLE_SECONDS
    # An answer is one write; waiting for more would cost 40 ms on every small one.
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        try:
            self._send(200, self._answer())
        except Refused as refused:
            self._send(refused.status, as_json({"error": refused.message}))
        except RecordError as error:
            self._send(500, as_json({"error": str(error)}))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True

    def _answer(self) -> Answer:
        check_host(self.headers.get("Host"), self.server.port)
        url = urlsplit(self.path)
        if url.path.startswith("/api/"):
            check_token(self.headers.get(TOKEN_HEADER), self.server.token)
            accepted = "gzip" in self.headers.get("Accept-Encoding", "")
            return self.server.api.answer(url.path, url.query, gzip_accepted=accepted)
        name = INDEX if url.path == "/" else url.path[1:]
        if name not in MEDIA:
            raise Refused(404, "there is nothing of this name")
        return Answer(read_asset(name).encode(), MEDIA[name])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what the library refuses, in the words of the other refusals; other methods are 405."""
        status = 405 if code == HTTPStatus.NOT_IMPLEMENTED else code
        text = "only GET is answered" if status == 405 else message or HTTPStatus(code).phrase
        self._send(status, Answer(as_json({"error": text}).body, headers={"Allow": "GET"}))

    def _send(self, status: int, answer: Answer) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.media)
        self.send_header("Content-Length", str(len(answer.body)))
        if status >= 400:
            # A body that was sent along was not read.
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal belongs to the person who plays."""
