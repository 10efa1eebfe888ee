"""One HTTP request, and all of its answer: repeated headers and trailers too."""
import http.client
import json
import socket
import urllib.parse

from content import WithTrailers


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.trailers = response.trailers
        self.will_close = response.will_close

    @property
    def json(self):
        """The one object, which ends with a newline."""
        assert self.body.endswith(b"\n") and self.body.count(b"\n") == 1, self.body
        return json.loads(self.body)

    @property
    def objects(self):
        assert not self.body or self.body.endswith(b"\n"), self.body[-100:]
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def error(self):
        """(status, message) of an error, whose code repeats the status."""
        error = self.json
        assert list(error) == ["code", "message"] and error["code"] == self.status, error
        return self.status, error["message"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def connect(url):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=60)
    connection.response_class = WithTrailers
    return connection


def ask(url, method, path, body=None, headers=None):
    """`url` is of the API: peer.api, peer.proxy."""
    connection = connect(url)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()
