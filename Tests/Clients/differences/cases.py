"""Generated requests: a right one, bent in one or two of many named ways, sometimes with bytes changed at random, and a second request behind it."""
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\nX-Request-Id: hidden\r\n\r\n"
MARKER = b"GET /marker HTTP/1.1\r\nHost: a\r\nX-Request-Id: marker\r\n\r\n"


class Request:
    """The parts of a request before they are put together."""

    def __init__(self, r):
        self.method, self.target, self.version = b"GET", b"/x", b"HTTP/1.1"
        self.separator, self.end, self.before = b" ", b"\r\n", b""
        self.fields = [b"Host: a", b"X-Request-Id: case"]
        self.body, self.chunked = None, None
        kind = r.randrange(4)
        if kind:
            self.method = r.choice([b"POST", b"POST", b"PUT", b"GET", b"DELETE"])
            self.body = r.choice([HIDDEN, b"", b"hello", b"x" * r.randrange(200), b"\r\n", b"0\r\n\r\n" + HIDDEN, b"5\r\nhello\r\n0\r\n\r\n"])
        if kind >= 2:
            # Chunks: (size line without its end, data, what follows the data).
            parts, rest = [], self.body
            while rest:
                cut = r.randrange(1, len(rest) + 1)
                parts.append([b"%x" % cut, rest[:cut], b"\r\n"])
                rest = rest[cut:]
            self.chunked = parts
            self.last, self.trailers = b"0", []
            self.fields.append(b"Transfer-Encoding: chunked")
        elif kind:
            self.fields.append(b"Content-Length: %d" % len(self.body))

    def replace(self, name, line):
        """Puts a line in the place of the field of that name, or adds it."""
        for index, field in enumerate(self.fields):
            if field.lower().startswith(name.lower() + b":"):
                self.fields[index] = line
                return
        self.fields.append(line)

    def bytes(self):
        line = self.separator.join(part for part in (self.method, self.target, self.version) if part is not None)
        head = self.before + line + self.end + b"".join(field + (b"" if field.endswith(b"\n") else self.end) for field in self.fields) + self.end
        if self.chunked is None:
            return head + (self.body or b"")
        chunks = b"".join(size + b"\r\n" + data + after for size, data, after in self.chunked)
        last = b"" if self.last is None else self.last + b"\r\n" + b"".join(t + b"\r\n" for t in self.trailers) + b"\r\n"
        return head + chunks + last


def line_ends(q, r):
    how = r.randrange(5)
    if how == 0:
        q.end = b"\n"
    elif how == 1:
        q.fields[r.randrange(len(q.fields))] += b"\n"
    elif how == 2:
        q.before = r.choice([b"\r\n", b"\r\n\r\n", b"\n", b" ", b"\r\n\r\n\r\n", b"\r"])
    elif how == 3:
        q.end = b"\r"
    else:
        q.fields.insert(r.randrange(len(q.fields) + 1), r.choice([b"X: a\rb", b"X: a\r", b"X: a\r\r\n"]))


def request_line(q, r):
    how = r.randrange(4)
    if how == 0:
        q.separator = r.choice([b"  ", b"\t", b" \t ", b"\x0b", b"\x0c", b"\xa0"])
    elif how == 1:
        q.method = r.choice([b"get", b"Get", b"G\x00ET", b"G(T", b"", b"PURGE", b"M-SEARCH", b"X_Y", b"X.Y", b"X!#$%&'*+-.^_`|~9", b"HEAD", b"OPTIONS", b"TRACE", b"PATCH", b"A" * 40, b"\xc3\xa9"])
    elif how == 2:
        q.version = r.choice([b"HTTP/1.0", b"HTTP/1.2", b"HTTP/1.9", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/0.9", b"http/1.1", b"HTTP/01.1", b"HTTP/1.10", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP 1.1",
                              b"HTTP/1,1", b"ICY/1.1", b"HTTP/1.1 ", b"HTTP/1.1 x", b"HTTP/1.1\t", None, b"", b"HTTP/1.\xb9", b"HTTP/+1.1", b"PRI"])
    else:
        target(q, r)


def target(q, r):
    q.target = r.choice([
        b"http://a/x", b"http://other/x", b"HTTP://a/x", b"https://a/x", b"http://a", b"http://a?q", b"http://u@a/x", b"http:///x", b"http://a:80/x", b"http://a:x/", b"ftp://a/x", b"a:80", b"a", b"*", b"x",
        b"/x#y", b"/x y", b"/\xc3\xa9", b"/\xff", b"/%00", b"/%zz", b"/%", b"/%2f", b"/%2F..", b"//x", b"/../x", b"/./x", b"/a/../../x", b"/\\x", b"/x\x01", b"/x\x00", b"/x\x7f", b'/"<>', b"/^`{|}", b"/[x]", b"/x?",
        b"/x??", b"/x?a=%zz", b"/x?a=[b]", b"/x?\xff", b"?x", b"", b"/x?a#b", b"/" + b"x" * 9000, b"/" + b"x" * 7000, b"/x;p=1", b"/%e9", b"/%C3%A9", b"/a%0d%0ab", b"http://[::1]/x", b"http://[::1/x", b"mailto:x", b"/:x"])


def host(q, r):
    how = r.randrange(4)
    if how == 0:
        q.fields = [f for f in q.fields if not f.startswith(b"Host")]
        if r.random() < 0.3:
            q.version = b"HTTP/1.0"
    elif how == 1:
        q.fields.insert(r.randrange(len(q.fields) + 1), r.choice([b"Host: a", b"Host: b", b"host: a", b"Host:", b"HOST: a"]))
    else:
        value = r.choice([b"", b" ", b"u@a", b"a b", b"a,b", b"a:", b"a:80", b"a:99999", b"a:x", b"a:-1", b"[::1]", b"[::1]:80", b"[::1", b"::1", b"a/b", b"a?b", b"a#b", b"\xc3\xa9", b"a\x00", b"a\x01", b"a_b", b"a..b", b".", b"a.",
                          b"%61", b"%zz", b"a;b", b"a\tb", b"(a)", b"'a'", b'"a"', b"<a>", b"a\\b", b"*", b"-a", b"a" * 300, b"[v1.x]", b"[x]", b"a:80:80", b"a:080"])
        q.replace(b"Host", b"Host: " + value)


def fields(q, r):
    line = r.choice([
        b"X : a", b"X\t: a", b" X: a", b"\tX: a", b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\r\n ", b"X", b": a", b":", b"X(: a", b"X\x00: a", b"X\x01: a", b"X y: a", b"X\xc3\xa9: a", b"X/: a", b"X@: a", b'X": a', b"X{: a", b"X_y: a", b"X.y: a", b"X!: a",
        b"X: \x00", b"X: a\x00b", b"X: \x01", b"X: \x7f", b"X: \x08a", b"X: \x0b", b"X: \x1b[m", b"X: \xff", b"X: \xc3\xa9", b"X: a\tb", b"X:", b"X:a", b"X:  a  ", b"X:\ta\t", b"X: " + b"a" * 7000, b"X: " + b"a" * 17000, b"X" * 300 + b": a",
        b"X-" + b"y" * 9000 + b": a", b"Connection: close", b"Connection: keep-alive", b"Connection: close, keep-alive", b"Connection: x, close", b"Connection: keep-alive, close", b"Connection: CLOSE", b"Connection: Upgrade\r\nUpgrade: h2c",
        b"Connection: closed", b"Connection: close x", b"Connection:", b"Connection: ,close", b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: x", b"Expect: 100-continue, x", b"Expect:", b"Upgrade: websocket",
        b"Connection: close;q=1", b"Connection: \"close\"", b"Keep-Alive: timeout=5", b"TE: trailers", b"Trailer: X", b"Content-Type: a", b"Content-Encoding: gzip", b"Date: x", b"Range: bytes=0-1", b"If-Match: x", b"Cookie: a=b", b"Accept: \x7f"])
    q.fields.insert(r.randrange(len(q.fields) + 1), line)
    if r.random() < 0.05:
        q.fields += [b"Y: %d" % n for n in range(r.choice([97, 98, 99, 150]))]


def length(q, r):
    body = q.body or b""
    n = len(body)
    d = b"%d" % n
    value = r.choice([b"+" + d, b"-" + d, b"0" + d, b"000" + d, d + b" ", b" " + d, d + b"," + d, d + b", " + d, d + b",5", b"", b"0x%x" % n, d + b".0", d + b"e0", b"9" * 20, b"9" * 19, b"18446744073709551616", b"18446744073709551621", d + b";", d + b"a", b"a",
                      b"\xd9\xa3", d + b"\t", b"%d" % (n + 3), b"%d" % max(0, n - 3), b"%d %d" % (n, n), b"-0", b"70000", b"\x0b" + d, b"0"])
    if q.chunked is None and r.random() < 0.7:
        q.replace(b"Content-Length", r.choice([b"Content-Length: ", b"Content-Length: ", b"Content-Length:", b"content-length: ", b"Content-Length : ", b"Content_Length: "]) + value)
    else:
        q.fields.insert(r.randrange(len(q.fields) + 1), b"Content-Length: " + r.choice([value, d]))


def coding(q, r):
    value = r.choice([b"chunked", b"Chunked", b"CHUNKED", b"chunked, chunked", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, identity", b"identity, chunked", b"xchunked", b"\x0bchunked", b"chunked\x0b", b"chunked;q=1", b"chunked ;a=b",
                      b"", b"chunked,", b",chunked", b", chunked", b",", b"chunked chunked", b"\"chunked\"", b"chunk", b"chunked\x00", b"deflate", b"trailers", b"\tchunked", b"chunked\t", b"chu\r\n nked", b"\r\n chunked"])
    name = r.choice([b"Transfer-Encoding: "] * 5 + [b"Transfer-Encoding:", b"transfer-encoding: ", b"Transfer-Encoding : ", b"Transfer_Encoding: ", b"Transfer-Encoding\t: "])
    if r.random() < 0.6:
        q.replace(b"Transfer-Encoding", name + value)
    else:
        q.fields.insert(r.randrange(len(q.fields) + 1), name + value)
    if r.random() < 0.15:
        q.version = b"HTTP/1.0"


def chunks(q, r):
    if not q.chunked:
        return coding(q, r)
    part = r.choice(q.chunked)
    how = r.randrange(6)
    if how == 0:
        part[0] += r.choice([b";a=b", b";a", b" ;a=b", b"; a=b", b";a =b", b';a="x"', b';a="x;y"', b';a="', b";", b";;", b";a=b;c=d", b";\x00", b";a\nb", b"\t;a", b";a=\xff", b";" + b"a" * 5000, b";a=\x01", b';a="\\""', b";=b", b" ", b"  ", b"\t", b",a", b"\x00"])
    elif how == 1:
        size = part[0]
        part[0] = r.choice([size.upper(), b"0" + size, b"0" * 14 + size, b"0" * 20 + size, b"0x" + size, b"+" + size, b" " + size, b"-" + size, b"", size + b"g", b"f" * 16, b"1" + b"0" * 16, b"f" * 17, b"\xef\xbc\x95", size + b".0", b"_" + size, b"8000000000000000"])
    elif how == 2:
        part[2] = r.choice([b"\n", b"", b"\r", b"\r\r\n", b"X\r\n", b"\r\n\r\n", b" \r\n", b"\r\nX"])
    elif how == 3:
        q.last = r.choice([b"00", b"0000", b"0;a=b", b"0;a", None, b"0 ", b"-0", b"0x0", b"", b"0" * 17, b"0\r\n", b"0;", b"0 ;a"])
    elif how == 4:
        q.trailers = [r.choice([b"X: y", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"X : y", b" X: y", b"X", b"X: \x00", b": y", b"Host: b", b"X: y\r\n z", b"X(: y", b"X:" + b"y" * 5000, b"X: y\nZ: a", b"X:", b"X-Request-Id: trailer"])
                      for _ in range(r.choice([1, 1, 2]))]
    else:
        part[0] = part[0] + b"\n" if r.random() < 0.5 else b"%x" % (len(part[1]) + r.choice([-1, 1, 2]))
        if part[0].endswith(b"\n"):
            part[0] = part[0][:-1] + r.choice([b"\n" + part[1][:0], b"\r"])


WAYS = [line_ends, request_line, host, fields, fields, length, coding, chunks, chunks]
SPICE = [b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x00", b":", b",", b";", b"0", b"1", b"A", b"\xff", b"/", b"#", b"%", b"\x0b", b"\x7f", b"\"", b"a", b"@", b"?"]


def mutate(data, r):
    """One or two bytes changed, taken out or put in, in the head more often than behind it."""
    for _ in range(r.choice([1, 1, 2])):
        head = data.find(b"\r\n\r\n") + 4
        at = r.randrange(min(len(data), head) if r.random() < 0.8 and head > 4 else len(data))
        how = r.randrange(4)
        if how == 0:
            data = data[:at] + r.choice(SPICE) + data[at:]
        elif how == 1:
            data = data[:at] + r.choice(SPICE) + data[at + 1:]
        elif how == 2:
            data = data[:at] + data[at + 1:]
        else:
            data = data[:at] + bytes([data[at] ^ (1 << r.randrange(8))]) + data[at + 1:]
    return data


def generate(r):
    """One request; what follows it is for the sender."""
    q = Request(r)
    for _ in range(r.choice([0, 1, 1, 1, 1, 2, 2])):
        r.choice(WAYS)(q, r)
    data = q.bytes()
    return mutate(data, r) if r.random() < 0.25 else data
