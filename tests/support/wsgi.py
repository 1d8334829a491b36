"""WSGI applications on loopback: what tests put in front of moto."""

import contextlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.test import create_environ, run_wsgi_app


@contextlib.contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve an application; yield its URL."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler)
    with _running(server) as url:
        yield url


@contextlib.contextmanager
def served_keeping_alive(application: Any) -> Iterator[str]:
    """Serve an application over connections that stay open, as AWS's do and Werkzeug's never; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            environ = create_environ(
                self.path, method=self.command, headers=list(self.headers.items()), input_stream=io.BytesIO(body)
            )
            content, status, headers = run_wsgi_app(application, environ, buffered=True)
            answer = b"".join(content)
            self.send_response_only(int(status.split()[0]))
            for name, value in headers.items():
                if name not in {"Connection", "Content-Length", "Transfer-Encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 http.server names them so

    with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextlib.contextmanager
def _running(server: Any) -> Iterator[str]:
    # It looks now and then whether it is to end; the default is every half second.
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
