"""Servers on this machine that behave as servers of data do, and as they should not."""

import re
import threading
import time
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 3  # objects per page of a listing


@dataclass
class Manners:
    """How a server answers; tests set what they need.

    Attributes
    ----------
    ranges : bool
        Whether it gives parts of a file.
    etag : str or None
        Version that it names; None = the MD5 of the file; empty = it names none.
    break_after : list of int
        Bytes after which it hangs up, one per answer; then it behaves.
    status : list of (int, dict)
        Answers with these statuses and headers first.
    silent_s : float
        Seconds for which it says nothing after the first half of a file.
    lies_length : int
        Bytes by which the length that it names is wrong.
    chunked : bool
        Whether it names no length and sends pieces.
    """

    ranges: bool = True
    etag: str | None = None
    break_after: list[int] = field(default_factory=list)
    status: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    silent_s: float = 0.0
    lies_length: int = 0
    chunked: bool = False


class Server:
    """A server of some files, by path; `with Server({"/a": b"…"}) as server:`.

    A file below `/bucket/` is an object of a bucket that is listed as S3 does.
    """

    def __init__(self, files: dict[str, bytes], manners: Manners | None = None) -> None:
        self.files, self.manners = files, manners or Manners()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.sent = 0
        self.most_at_once = self._at_once = 0
        self.lock = threading.Lock()
        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.httpd.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.httpd.shutdown()
        self.httpd.server_close()

    def begin(self) -> None:
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)

    def end(self) -> None:
        with self.lock:
            self._at_once -= 1


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            server.begin()
            try:
                self.answer(body=True)
            finally:
                server.end()

        def answer(self, *, body: bool) -> None:
            parts = urlsplit(self.path)
            path = unquote(parts.path)
            server.asked.append((self.command, self.path, dict(self.headers)))
            manners = server.manners
            if body and manners.status:
                status, headers = manners.status.pop(0)
                self.reply(status, b"no", headers)
            elif "list-type" in parse_qs(parts.query):
                self.reply(200, listing(server.files, path, parse_qs(parts.query)), {})
            elif path not in server.files:
                self.reply(404, b"not here", {})
            else:
                self.file(server.files[path], body=body)

        def file(self, content: bytes, *, body: bool) -> None:
            manners = server.manners
            etag = f'"{md5(content).hexdigest()}"' if manners.etag is None else manners.etag
            headers = {"ETag": etag} if etag else {}
            start = self.start_of_range(len(content), etag)
            if start is not None and start >= len(content):
                self.reply(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            if start is not None:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status = 200 if start is None else 206
            self.reply(status, content[start or 0 :], headers, body=body)

        def start_of_range(self, size: int, etag: str) -> int | None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if not asked or not server.manners.ranges:
                return None
            if self.headers.get("If-Range", etag) != etag:  # another version: all of it
                return None
            return int(asked[1])

        def reply(self, status: int, content: bytes, headers: dict, *, body: bool = True) -> None:
            manners = server.manners
            self.send_response(status)
            length = len(content) + (manners.lies_length if status < 300 else 0)
            chunked = manners.chunked and status < 300
            named = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(length)}
            for name, value in {**named, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if not body:
                return
            limit = manners.break_after.pop(0) if status < 300 and manners.break_after else None
            half = len(content) // 2
            try:
                if manners.silent_s and status < 300:
                    self.send(content[:half])
                    time.sleep(manners.silent_s)
                    content = content[half:]
                self.send(content if limit is None else content[:limit])
                if manners.chunked and limit is None:
                    self.wfile.write(b"0\r\n\r\n")  # the end, which is missing when it hangs up
            except (BrokenPipeError, ConnectionResetError):
                pass
            if limit is not None or manners.lies_length:
                self.close_connection = True

        def send(self, content: bytes) -> None:
            for at in range(0, len(content), 65_536):
                piece = content[at : at + 65_536]
                chunked = server.manners.chunked
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                self.wfile.flush()
                with server.lock:
                    server.sent += len(piece)

    return Handler


def listing(files: dict[str, bytes], path: str, query: dict[str, list[str]]) -> bytes:
    """Return a page of the objects of a bucket, `PAGE` at a time, as S3 writes it."""
    prefix, bucket = query.get("prefix", [""])[0], path.rstrip("/")
    keys = sorted(name[len(bucket) + 1 :] for name in files if name.startswith(bucket + "/"))
    keys = [key for key in keys if key.startswith(prefix)]
    first = int(query.get("continuation-token", ["0"])[0])
    entries = []
    for key in keys[first : first + PAGE]:
        content = files[f"{bucket}/{key}"]
        tag = f"&quot;{md5(content).hexdigest()}&quot;"
        size = len(content)
        entries.append(
            f"<Contents><Key>{escape(key)}</Key><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
        )
    more = first + PAGE < len(keys)
    token = f"<NextContinuationToken>{first + PAGE}</NextContinuationToken>" if more else ""
    space = "http://s3.amazonaws.com/doc/2006-03-01/"
    text = f'<ListBucketResult xmlns="{space}">{token}{"".join(entries)}</ListBucketResult>'
    return text.encode()
