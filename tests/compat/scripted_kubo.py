"""A Kubo that answers what it was told to and remembers what it was asked."""
import contextlib
import http.server
import itertools
import json
import re
import threading
import urllib.parse

PEER = "12D3KooWGHTKzeT4KaLGLrbKKyT8zKrBPXAUBRzCAN6ZMDMo4M6M"


def error(message, status=500):
    return status, json.dumps({"Message": message, "Code": 0, "Type": "error"})


def lines(*objects):
    return 200, "".join(json.dumps(one) + "\n" for one in objects)


class ScriptedKubo:
    """`answers` has (status, text or pieces of it), or a function of the query that gives them, for each command.
    `pinned` are its pins."""

    def __init__(self):
        self.pinned = {}
        self.asked = []  # (method, command, query)
        self.heads = []  # their headers
        self.answer_headers = {}  # by command
        self.body = b""  # of the last request
        self.answers = {
            "id": lines({"ID": PEER, "Addresses": [f"/ip4/10.9.8.7/tcp/4001/p2p/{PEER}", "nonsense"]}),
            "pin/ls": self._list, "pin/add": self._pin, "pin/rm": self._unpin, "pin/update": self._update,
            "block/put": self._put,
            "repo/stat": lines({"RepoSize": 1000, "StorageMax": 5000}), "swarm/connect": lines({"Strings": []}),
            "swarm/peers": lines({"Peers": [{"Peer": PEER}]}), "version": lines({"Version": "0"}),
            "block/stat": error("could not find it"), "dag/stat": error("could not find it")}
        kubo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def any_method(self):
                kubo.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urllib.parse.urlsplit(self.path)
                command = url.path.removeprefix("/api/v0/")
                kubo.asked.append((self.command, command, url.query))
                kubo.heads.append(dict(self.headers))
                answer = kubo.answers.get(command, (404, "404 page not found"))
                status, text = answer(dict(urllib.parse.parse_qsl(url.query))) if callable(answer) else answer
                self.send_response(status)
                for name, value in kubo.answer_headers.get(command, {}).items():
                    self.send_header(name, value)
                if isinstance(text, str):
                    self.send_header("Content-Length", str(len(text.encode())))
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(text.encode())
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked may have heard enough
                    for piece in itertools.chain(text, [""]):
                        self.wfile.write(f"{len(piece):x}\r\n{piece}\r\n".encode())

            do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = do_DELETE = any_method

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"/ip4/127.0.0.1/tcp/{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def _list(self, query):
        if "arg" in query:
            found = self.pinned.get(query["arg"]) == query["type"]
            answer = lines({"Cid": query["arg"], "Type": query["type"]})
            return answer if found else error(f"path '{query['arg']}' is not pinned")
        return lines(*({"Cid": cid, "Type": kind} for cid, kind in self.pinned.items() if kind == query["type"]))

    def _pin(self, query):
        self.pinned[query["arg"]] = "recursive" if query["recursive"] == "true" else "direct"
        return lines({"Progress": 1}, {"Pins": [query["arg"]]})

    def _unpin(self, query):
        was_pinned = self.pinned.pop(query["arg"], None)
        return lines({"Pins": [query["arg"]]}) if was_pinned else error("not pinned or pinned indirectly")

    def _update(self, query):
        self.pinned[query["arg"]] = "recursive"  # the last of the two
        return lines({"Pins": [query["arg"]]})

    def _put(self, _):
        """The names of the files are the CIDs."""
        return lines(*({"Key": cid, "Size": 1} for cid in re.findall(r'filename="(\w+)"', self.body.decode("latin-1"))))

    def of(self, command):
        """The queries of a command."""
        return [query for _, asked, query in self.asked if asked == command]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
