"""JSON beside Python's json and orjson: what is accepted, and which value is kept, through the metadata of an account."""
import collections, decimal, json, random

import orjson

from checks import UnixConnection

HAND = [
    b"", b" ", b"null", b"true", b"false", b"nul", b"tru e", b"True", b"NULL", b"0", b"-0", b"-", b"+1", b"01", b"-01", b"00", b"1.", b".1", b"-.1", b"1.e1", b"1e", b"1e+", b"1E-", b"1e1", b"1E1", b"1e+1", b"1E-1", b"0e0", b"0.0", b"-0.0",
    b"1.5e300", b"1e308", b"1e309", b"1e400", b"-1e400", b"1e-400", b"1e99999999999999999999", b"123456789012345678901234567890", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616",
    b"-9223372036854775808", b"-9223372036854775809", b"0.1", b"0.30000000000000004", b"0.1000000000000000055511151231257827", b"1.0", b"100", b"1e2", b"1E400", b"5e-324", b"2e-324", b"0x1", b"1_000", b"1,000", b"NaN", b"Infinity", b"-Infinity", b"nan", b"inf", b"1 2",
    b'""', b'"a', b'a"', b"'a'", b'"\\"', b'"\\\\"', b'"\\/"', b'"/"', b'"\\b\\f\\n\\r\\t"', b'"\\a"', b'"\\x41"', b'"\\u0041"', b'"\\u00e9"', b'"\\u"', b'"\\u12"', b'"\\u123g"', b'"\\U0041"', b'"\\ud83d\\ude00"', b'"\\ud83d"', b'"\\ude00"', b'"\\ude00\\ud83d"',
    b'"\\ud83dx"', b'"\\ud83d\\u0041"', b'"\\u0000"', b'"\x00"', b'"\x1f"', b'"\x7f"', b'"\t"', b'"\n"', b'"\r"', b'"\xc3\xa9"', b'"\xc3"', b'"\xe9"', b'"\xc0\x80"', b'"\xc1\xbf"', b'"\xe0\x80\x80"', b'"\xed\xa0\x80"', b'"\xed\xb0\x80"', b'"\xf4\x8f\xbf\xbf"',
    b'"\xf4\x90\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xef\xbb\xbf"', b'"\xef\xbf\xbe"', b'"\xef\xbf\xbf"', b'"\xe2\x80\xa8"', b'"\xf0\x9f\x98\x80"', b'"\xff"', b'"\xe2\x80"', b"\xef\xbb\xbf1", b"[]", b"[1]", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[", b"]", b"[1", b"[1}",
    b"[[]]", b"{}", b'{"a":1}', b'{"a":1,}', b'{,"a":1}', b'{"a"}', b'{"a":}', b'{"a" 1}', b"{a:1}", b"{'a':1}", b"{1:1}", b'{"a":1 "b":2}', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":1}', b'{"":1}', b'{"a":1', b'{"a":1]', b"{null:1}", b'{"a":{"b":1,"b":1}}', b'[{"a":1},{"a":1}]',
    b"/*a*/1", b"1//a", b"#1", b"1;", b"\x0c1", b"\x0b1", b"\xc2\xa01", b"\xe2\x80\x831", b"\t1\n\r ", b"\x001", b"1\x00", b"undefined", b"-x", b"--1", b"1-", b"1+1", b"[1]]", b"{}}", b"[" * 20 + b"]" * 20, b"[" * 31 + b"]" * 31, b"[" * 61 + b"]" * 61,
    b"[" * 62 + b"]" * 62, b"[" * 63 + b"]" * 63, b"[" * 64 + b"]" * 64, b"[" * 200 + b"]" * 200, b'{"a":' * 62 + b"1" + b"}" * 62, b"[" * 3000, b'["\\ud800", 1]', b'{"\\ud800":1}', b'{"\xff":1}', b"1e5", b"12345678901234567890.5", b"1E+2", b"0E5", b"-0e-0", b"true1", b"truefalse", b"[true false]"]
SPICE = [b"\\", b'"', b",", b":", b"[", b"]", b"{", b"}", b"0", b"1", b"-", b".", b"e", b"\\u", b"\\ud800", b"\xff", b"\xc3", b"\x00", b" ", b"\n", b"\t", b"/", b"'", b"n", b"t", b"\xef\xbb\xbf", b"\x80", b"E+", b"\xed\xa0\x80"]


def number(r):
    return r.choice([lambda: str(r.randrange(-10**r.randrange(1, 25), 10**r.randrange(1, 25))), lambda: repr(r.uniform(-1e6, 1e6)), lambda: f"{r.randrange(10**6)}.{r.randrange(10**9)}e{r.choice(['', '+', '-'])}{r.randrange(320)}",
                     lambda: repr(r.random() * 10.0 ** r.randrange(-320, 309)), lambda: str(r.randrange(100))])().encode()


def string(r):
    out = b""
    for _ in range(r.choice([0, 1, 3, 8, 30])):
        c = r.choice([r.randrange(32, 127), r.randrange(32, 127), r.randrange(0, 0x300), r.randrange(0, 0x10000), r.randrange(0x10000, 0x110000)])
        if 0xD800 <= c < 0xE000:
            c = 0x2028
        text = chr(c)
        if c < 32 or text in '"\\' or r.random() < 0.15:
            out += json.dumps(text).encode()[1:-1] if r.random() < 0.5 or c > 0xFFFF else b"\\u%04x" % c if r.random() < 0.5 else b"\\u%04X" % c
        else:
            out += text.encode()
    return b'"' + out + b'"'


def value(r, depth=0):
    kind = r.randrange(8 if depth < 6 else 5)
    if kind < 2:
        return number(r)
    if kind < 4:
        return string(r)
    if kind == 4:
        return r.choice([b"true", b"false", b"null", b"[]", b"{}"])
    space = lambda: r.choice([b"", b"", b"", b" ", b"\n", b"\t", b"\r\n "])
    if kind < 6:
        return b"[" + b",".join(space() + value(r, depth + 1) + space() for _ in range(r.randrange(5))) + b"]"
    names = [string(r) if r.random() < 0.3 else b'"%s"' % r.choice([b"a", b"b", b"c", b"name", b"k1", b""]) for _ in range(r.randrange(5))]
    return b"{" + b",".join(space() + name + space() + b":" + space() + value(r, depth + 1) for name in names) + b"}"


def generate(r):
    data = value(r)
    if r.random() < 0.5:
        for _ in range(r.choice([1, 1, 2])):
            at, how = r.randrange(len(data) + 1), r.randrange(4)
            data = data[:at] + (r.choice(SPICE) if how < 2 else b"") + data[at + (how > 0):] if how < 3 else data[:at] + data[at:at + 3] + data[at:]
    return data


def python(data):
    """(accepted, value, what is unusual) by Python's json; numbers as they are written, members with all that come twice."""
    unusual = set()

    def constant(word):
        unusual.add("a word for a number")
        return word

    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            unusual.add("a name twice")
        return dict(pairs)

    def number(text):
        try:
            return decimal.Decimal(text)
        except decimal.InvalidOperation:
            return decimal.Decimal("-Infinity" if text.startswith("-") else "Infinity")

    try:
        text = data.decode("utf-8")
        found = json.loads(text, parse_constant=constant, object_pairs_hook=members, parse_int=number, parse_float=number)
    except (ValueError, RecursionError):
        return False, None, unusual
    if any("\ud800" <= c <= "\udfff" for c in json.dumps(found, ensure_ascii=False, default=str)):
        unusual.add("half of a surrogate pair")
    if depth(found) > 64:
        unusual.add("deeper than 64")
    return True, found, unusual


def depth(found):
    if isinstance(found, dict):
        return 1 + max(map(depth, found.values()), default=0)
    return 1 + max(map(depth, found), default=0) if isinstance(found, list) else 0


def stricter(data):
    try:
        return True, orjson.loads(data)
    except ValueError:
        return False, None


def numbers(found):
    if isinstance(found, dict):
        return [n for v in found.values() for n in numbers(v)]
    return [n for v in found for n in numbers(v)] if isinstance(found, list) else [found] if isinstance(found, decimal.Decimal) else []


def equal(left, right):
    """The same values; decimals exactly, and beside a binary number as the one that they are nearest to."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None or isinstance(left, str) or isinstance(right, str):
        return left is right if not isinstance(left, str) else left == right
    return left == right or isinstance(right, (int, float)) and float(left) == float(right)


# Where userd refuses what Python's json takes, and orjson one or the other.
RULES = {
    "a word for a number": "RFC 8259 §6: no NaN and no Infinity",
    "half of a surrogate pair": "RFC 8259 §8.2: what it means cannot be foretold, and it has no UTF-8",
    "a name twice": "RFC 8259 §4: names should be unique; with two, readers differ about which one counts",
    "deeper than 64": "RFC 8259 §9: a limit of depth",
    "a byte order mark": "RFC 8259 §8.1: must not be there, may be passed over",
}


def compare(server, seed, count, report):
    connection = UnixConnection(server.data + "/admin.sock")
    counts, differs, wrong = collections.Counter(), collections.Counter(), 0
    for number_of in range(len(HAND) + count):
        data = HAND[number_of] if number_of < len(HAND) else generate(random.Random(f"{seed} json {number_of}"))
        # Alone it must be an object to be more than well-formed; inside metadata its value comes back.
        inside = number_of % 3 != 0 or number_of < len(HAND)
        for wrapped in ([False, True] if number_of < len(HAND) else [inside]):
            body = b'{"email":"j%d@example.org","name":"J","metadata":{"v":%s}}' % (number_of, data) if wrapped else data
            connection.request("POST", "/api/v1/users", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
            if status not in (201, 400, 409, 422):
                wrong += 1
                report(f"json: {status} to {body[:300]!r}: {text[:300]!r}")
                continue
            taken = not (status == 400 and json.loads(text)["code"] == "malformed_json")
            accepted, found, unusual = python(body)
            by_orjson, other = stricter(body)
            counts["accepted" if taken else "refused"] += 1
            if taken != accepted or taken and unusual:
                reason = sorted(unusual & RULES.keys()) if accepted and not taken else []
                for name in reason:
                    differs["python", name] += 1
                if not reason:
                    wrong += 1
                    report(f"json: userd {'accepts' if taken else 'refuses'} what Python {'accepts' if accepted else 'refuses'}: {body[:300]!r}")
            if taken != by_orjson:
                big = taken and accepted and any(n.copy_abs() > decimal.Decimal("1.7976931348623157e308") for n in numbers(found))
                reason = ["a number beyond binary64"] if big else sorted(unusual & RULES.keys()) if by_orjson else []
                for name in reason:
                    differs["orjson", name] += 1
                if not reason:
                    wrong += 1
                    report(f"json: userd {'accepts' if taken else 'refuses'} what orjson {'accepts' if by_orjson else 'refuses'}: {body[:300]!r}")
            if status == 201:
                kept = python(text)[1]["metadata"]["v"]
                counts["kept"] += 1
                if not equal(kept, found["metadata"]["v"]):
                    wrong += 1
                    report(f"json: {body[:300]!r} is kept as {text[:600]!r}")
                elif by_orjson and not equal(kept, other["metadata"]["v"]):
                    wrong += 1
                    report(f"json: orjson reads {body[:300]!r} otherwise than it was kept, {text[:600]!r}")
    connection.close()
    return f"json: {sum(counts.values()) - counts['kept']} texts, {counts['accepted']} accepted, {counts['kept']} values kept as Python and orjson read them", differs, wrong
