"""What is unusual about a request, by the letter of RFC 9110, 9112 and 3986: a reader that refuses nothing and names everything."""
import re

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
PCHAR = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
PATH, QUERY = rb"(?:/" + PCHAR + rb"*)+", rb"(?:\?(?:" + PCHAR + rb"|[/?])*)?"
REG_NAME = rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
LITERAL = rb"\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\]"
QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*"'
EXTENSION = rb"(?:;" + TOKEN + rb"+(?:=(?:" + TOKEN + rb"+|" + QUOTED + rb"))?)*"
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"}


def lines(data, found, where):
    """The lines up to the empty one, without their ends, and what follows; None where the empty one is missing."""
    out, at = [], 0
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return out, None
        line = data[at:end]
        if line.endswith(b"\r"):
            line = line[:-1]
        else:
            found.add(f"{where}: line feed alone")
        if b"\r" in line:
            found.add(f"{where}: carriage return alone")
        at = end + 1
        if not line:
            return out, data[at:]
        out.append(line)


def read_target(method, target, found):
    if re.fullmatch(PATH + QUERY, target):
        if len(target) > 8000:
            found.add("limit: request line")
        if b"%00" in target or re.search(rb"/(\.|%2[eE])(\.|%2[eE])(/|%2[fF]|$)|%2[fF]\.\.", target.split(b"?")[0]):
            found.add("target: zero byte, or dots that lead out of the root")
        return
    absolute = re.fullmatch(rb"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)(.*)", target, re.S)
    if absolute:
        scheme, authority, rest = absolute.groups()
        if scheme.lower() not in (b"http", b"https"):
            found.add("target: another scheme")
        if b"@" in authority:
            found.add("target: user information")
        elif not re.fullmatch(rb"(?:" + REG_NAME + rb"|" + LITERAL + rb")(?::[0-9]*)?", authority) or authority.startswith(b":") or not authority:
            found.add("target: authority")
        found.add("target: absolute")
        target = rest if rest.startswith(b"/") else b"/" + rest
        if re.fullmatch(PATH + QUERY, target):
            return
    elif target == b"*":
        found.add("target: asterisk")
        return
    elif not target.startswith(b"/"):
        found.add("target: no form of RFC 9112 section 3.2")
    if b"#" in target:
        found.add("target: fragment")
    if re.search(rb"%(?![0-9A-Fa-f]{2})", target):
        found.add("target: percent sign")
    if re.search(rb"[^!-~]", target):
        found.add("target: no ASCII or a control character")
    if re.search(rb'["<>\\^`{|}\[\]]', target):
        found.add("target: characters outside of RFC 3986")
    if not target:
        found.add("request line")


def read_request_line(line, found):
    if re.search(rb"[^ -~\x80-\xff]", line):
        found.add("request line: control character")
    match = re.fullmatch(rb"([^ ]*) ([^ ]*) (HTTP/([0-9])\.([0-9]))", line)
    if not match:
        words = line.split()
        found.add("request line: no version" if not re.search(rb"[ \t]\S*HTTP/|[ \t]HTTP", line) or len(words) < 3 else "request line: white space" if len(words) == 3 and re.fullmatch(rb"HTTP/[0-9]\.[0-9]", words[2]) else "request line")
        if not re.search(rb"HTTP/[0-9]\.[0-9][ \t\x0b\x0c]*$", line):
            found.add("version: none")
        if len(words) > 1:
            read_target(words[0], words[1], found)
        method = words[0] if words else b""
        digits = re.fullmatch(rb"HTTP/([0-9])\.([0-9])", words[2]) if len(words) == 3 else None
        version = (int(digits[1]), int(digits[2])) if digits else None
        if version and version[0] != 1:
            found.add("version: another major")
    else:
        method, target, _, major, minor = match.groups()
        version = (int(major), int(minor))
        if version[0] != 1:
            found.add("version: another major")
        elif version[1] > 1:
            found.add("version: another minor")
        read_target(method, target, found)
    if not re.fullmatch(TOKEN + rb"+", method):
        found.add("method: no token")
    elif method not in METHODS:
        found.add("method: unknown")
        if not re.fullmatch(rb"[A-Z_\-]+", method):
            found.add("method: not in capitals")
    return method, version


def read_host(values, version, found):
    if not values:
        found.add("host: none" if version not in (None, (1, 0)) else "host: none in HTTP/1.0")
    if len(values) > 1:
        found.add("host: twice")
    for value in values:
        if value == b"":
            found.add("host: empty")
        elif re.match(rb"\[[vV]", value):
            found.add("host: literal of a future version")
        elif not re.fullmatch(rb"(?:" + REG_NAME + rb"|" + LITERAL + rb")(?::[0-9]*)?", value) or value.startswith(b":"):
            found.add("host: value")
        elif not re.fullmatch(rb"[A-Za-z0-9]([A-Za-z0-9.\-]*[A-Za-z0-9])?(:[0-9]+)?", value) or b".." in value:
            found.add("host: unusual")
        port = re.search(rb":([0-9]*)$", value)
        if port and not 0 < int(port[1] or 80) < 65536 and not value.endswith(b"]"):
            found.add("host: port")


def read_fields(fields, found, where):
    pairs = []
    for line in fields:
        if line[:1] in b" \t":
            found.add(f"{where}: folded line" if pairs else f"{where}: white space before the first")
            if pairs:
                pairs[-1] = (pairs[-1][0], (pairs[-1][1] + b" " + line.strip()).strip(b" \t"))
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            found.add(f"{where}: no colon")
            continue
        if name.rstrip(b" \t") != name and re.fullmatch(TOKEN + rb"+", name.rstrip(b" \t")):
            found.add(f"{where}: white space before the colon")
        elif not re.fullmatch(TOKEN + rb"+", name):
            found.add(f"{where}: name" if name else f"{where}: empty name")
        elif not re.fullmatch(rb"[A-Za-z0-9\-]+", name):
            found.add(f"{where}: unusual name")
        if not name:
            pairs.append((b"", b""))
            continue
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", value) and name.lower() in (b"content-length", b"transfer-encoding"):
            found.add("framing: control character")
        elif b"\x00" in value:
            found.add(f"{where}: NUL in a value")
        elif re.search(rb"[\x01-\x08\x0a-\x1f\x7f]", value):
            found.add(f"{where}: control character in a value")
        pairs.append((name.rstrip(b" \t").lower(), value.strip(b" \t")))
    return pairs


def values(pairs, name):
    return [value for other, value in pairs if other == name]


def read_connection(pairs, version, found):
    options = [option.strip(b" \t").lower() for value in values(pairs, b"connection") for option in value.split(b",")]
    if any(option and not re.fullmatch(TOKEN + rb"+", option) for option in options) or any(b"close" in option and option != b"close" for option in options):
        found.add("connection: nearly close")
    if b"close" in options:
        found.add("connection: close")
    if values(pairs, b"connection"):
        found.add("connection")
    if version == (1, 0) or version is None:
        found.add("connection: HTTP/1.0")


def features(data, behind):
    """Names of everything that is unusual in the first request of these bytes, which so many others follow."""
    found = set()
    before = re.match(rb"(\r?\n)*", data).group()
    if before == b"\r\n":
        found.add("before: one empty line")
    elif before:
        found.add("before: more or other empty lines")
    data = data[len(before):]
    head, rest = lines(data, found, "head")
    if rest is None:
        found.add("cut off: head")
        head = head or [b""]
    method, version = read_request_line(head[0] if head else b"", found)
    if len(head) - 1 > 100:
        found.add("limit: number of fields")
    if sum(len(line) + 2 for line in head[1:]) > 16384:
        found.add("limit: head")
    if any(len(line) > 8000 for line in head):
        found.add("limit: a line of nginx")
    pairs = read_fields(head[1:], found, "field")
    read_host(values(pairs, b"host"), version, found)
    read_connection(pairs, version, found)
    for value in values(pairs, b"expect"):
        if value.lower() != b"100-continue" and version != (1, 0):
            found.add("expect: another")
    if len(values(pairs, b"expect")) > 1:
        found.add("expect: twice")
    if any(name.startswith((b"if-", b"range")) for name, _ in pairs):
        found.add("conditional")
    lengths, codings = ([value.rstrip(b"\r") for value in values(pairs, name)] for name in (b"content-length", b"transfer-encoding"))
    if lengths and codings:
        found.add("framing: length and coding")
    if codings and version == (1, 0):
        found.add("framing: coding in HTTP/1.0")
    if len(lengths) > 1:
        found.add("framing: length twice")
    for value in lengths:
        if not re.fullmatch(rb"[0-9]+", value):
            found.add("framing: length as a list" if re.fullmatch(rb"[0-9]+(?:[ \t]*,[ \t]*[0-9]+)+", value) else "framing: length")
        elif int(value) >= 1 << 63:
            found.add("framing: length beyond 63 bits")
        elif int(value) > 65536:
            found.add("limit: body")
    whole = b",".join(codings)
    if codings and whole.lower() != b"chunked":
        names = [part.strip(b" \t").lower() for part in whole.split(b",")]
        found.add("framing: chunked in another spelling of a list" if names.count(b"chunked") == 1 and set(names) <= {b"chunked", b""} else "framing: another coding")
    if any(re.match(rb"(host|content-length|transfer-encoding):.*\t", line.lower(), re.S) for line in head):
        found.add("field: tab beside a value")
    if rest is not None and not lengths and codings:
        read_chunks(rest, found)
    elif rest is not None:
        count = int(lengths[0]) if lengths and re.fullmatch(rb"[0-9]{1,18}", lengths[0]) else 0
        if len(rest) < count and not codings:
            found.add("cut off: body" if len(rest) + behind >= count else "cut off: body for good")
        elif len(rest) > count:
            found.add("behind: " + ("an empty line" if rest[count:] == b"\r\n" else "a request" if rest[count:].startswith(b"GET /hidden HTTP/1.1\r\n") else "other bytes"))
    return found


def read_chunks(rest, found):
    while True:
        end = rest.find(b"\n")
        if end < 0:
            found.add("cut off: chunks")
            return
        line, rest = rest[:end], rest[end + 1:]
        if line.endswith(b"\r"):
            line = line[:-1]
        else:
            found.add("chunk: line feed alone")
        match = re.fullmatch(rb"([0-9A-Fa-f]+)(.*)", line, re.S)
        if not match:
            found.add("chunk: size")
            return
        size, extension = match.groups()
        if len(size) > 16:
            found.add("chunk: more than 16 digits")
        if extension and not re.fullmatch(EXTENSION, extension):
            found.add("chunk: extension")
        if len(extension) > 4000:
            found.add("limit: extension")
        if int(size, 16) > 65536:
            found.add("limit: chunk")
            return
        if int(size, 16) == 0:
            break
        rest = rest[int(size, 16):]
        if rest.startswith(b"\r\n"):
            rest = rest[2:]
        elif not rest:
            found.add("cut off: chunks")
            return
        else:
            found.add("chunk: no line end behind the data")
            return
    trailers, after = lines(rest, found, "trailer")
    if trailers:
        found.add("trailer")
        read_fields(trailers, found, "trailer")
        if sum(map(len, trailers)) > 4000:
            found.add("trailer: long")
    if after is None:
        found.add("cut off: trailers")
    elif after:
        found.add("behind: " + ("an empty line" if after == b"\r\n" else "other bytes"))
