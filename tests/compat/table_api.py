"""A REST API that answers from a table and notes what it is asked, for runs of ipfs-cluster-ctl."""
import http.server
import json
import threading
import urllib.parse

from ctl import ctl


class TableApi:
    """answers[path] is a value, (status, value), or a function that returns one of these.
    asked are (method, path, query), one for each request."""

    def __init__(self, server=http.server.ThreadingHTTPServer, address="127.0.0.1"):
        self.answers, self.asked, self.headers = {}, [], []
        self.server = server((address, 0), self._handler())
        self.port = self.server.server_port
        self.host = f"/ip4/127.0.0.1/tcp/{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def ctl(self, *args, **kwargs):
        return ctl("--host", self.host, *args, **kwargs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def _answer_to(self, path):
        answer = self.answers.get(path, (404, {"code": 404, "message": f"nothing at {path}"}))
        answer = answer() if callable(answer) else answer
        return answer if isinstance(answer, tuple) else (200, answer)

    def _handler(api):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
                api.asked.append((self.command, url.path, query))
                api.headers.append(self.headers)
                self.read_body()
                status, value = api._answer_to(url.path)
                self.send_response(status)
                self.end_headers()
                if value is not None:
                    self.wfile.write(json.dumps(value).encode() + b"\n")

            def read_body(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Transfer-Encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        self.rfile.read(size + 2)
                    self.rfile.readline()

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        return Handler
