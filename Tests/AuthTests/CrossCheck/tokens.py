#!/usr/bin/env python3
"""Access tokens, password hashes and one-time codes beside PyJWT, argon2-cffi, passlib and pyotp, in both directions.

    pip install argon2-cffi passlib pyjwt pyotp
    python3 Tests/AuthTests/CrossCheck/tokens.py issue SEED COUNT > tokens.txt
    USERD_TOKEN_VECTORS=$PWD/tokens.txt USERD_ISSUED=$PWD/issued.txt swift test --filter CredentialCrossCheckTests
    python3 Tests/AuthTests/CrossCheck/tokens.py judge issued.txt

`issue` writes tokens that PyJWT signed, mutated at random and signed again, each with the verdict that userd must give: PyJWT's own, unless a
rule of RULES refuses it. A table of how often each rule was the reason goes to standard error. `judge` holds what userd issued to the libraries.
"""

import base64
import collections
import datetime
import hashlib
import hmac
import json
import random
import re
import sys
import unicodedata

import argon2.low_level
import jwt
import passlib.hash
import pyotp

NOW = 1_780_000_000
SECRET = b"the secret that both sides share, 32 bytes or more"
ISSUER, AUDIENCE, EPOCH = "https://id.example.org", "userd", "a1b2c3d4.3"
USER, SESSION = "0198f3c0-0000-7000-8000-000000000001", "0198f3c0-0000-7000-8000-000000000002"
REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "amr", "role", "epoch"]


class StoppedTime(datetime.datetime):
    """PyJWT asks for the time itself."""

    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


jwt.api_jwt.datetime = StoppedTime


def key_id(secret):
    return hashlib.sha256(b"userd key id 1" + secret).hexdigest()[:16]


KID = key_id(SECRET)
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---- what PyJWT says ----


def pyjwt(token):
    """accepted, expired or invalid; the contract bears clocks that are 30 s ahead, and gives no time after the end."""
    def read(leeway, **options):
        return jwt.decode(token, SECRET, algorithms=["HS256"], audience=AUDIENCE, issuer=ISSUER, leeway=leeway, options={"require": REQUIRED, **options})

    try:
        read(30, verify_exp=False)
        read(0, verify_iat=False, verify_nbf=False)
        return "accepted"
    except jwt.ExpiredSignatureError:
        return "expired"
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, AttributeError):
        return "invalid"


# ---- where the contract is stricter ----


class Members(dict):
    """An object that remembers whether a name came twice. Only the outermost is asked: what is inside a claim that nobody knows is passed over."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.names_once = len(self) == len(pairs)


def strict(text):
    def refuse(word):
        raise ValueError(word)

    return json.loads(text.decode("utf-8"), object_pairs_hook=Members, parse_constant=refuse)


def is_date(value):
    return type(value) is int and 0 <= value <= 2**53


def is_text(value):
    return type(value) is str and value != ""


def is_id(value):
    return type(value) is str and re.fullmatch("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", value) is not None


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def has_lone_surrogate(value):
    return any("\ud800" <= c <= "\udfff" for c in json.dumps(value, ensure_ascii=False))


def unknown_behind_escapes(payload, claims):
    """Whether a name of the outermost object that nobody knows is written with a backslash."""
    names = [json.loads(b'"%s"' % name) for name in re.findall(rb'[{,]\s*"((?:[^"\\]|\\.)*)"\s*:', payload) if b"\\" in name]
    return any(name in claims and name not in REQUIRED + ["nbf"] for name in names)


class Token:
    """A token with everything the rules ask about; `header` and `claims` are None where a strict reader refuses them."""

    def __init__(self, text):
        self.text = text
        self.parts = text.split(".")
        self.raw = [decode(part) for part in self.parts[:2]]
        self.header, self.claims = self.read(self.raw[0]), self.read(self.raw[1])

    @staticmethod
    def read(data):
        try:
            value = strict(data)
            return value if isinstance(value, Members) and value.names_once and not has_lone_surrogate(value) else None
        except (ValueError, RecursionError):
            return None


def claim(name, test):
    return lambda t: t.claims is not None and not test(t.claims.get(name))


RULES = {
    "at most 4096 bytes": lambda t: len(t.text) > 4096,
    "base64url has one spelling": lambda t: any(encode(decode(part)) != part for part in t.parts),
    "the header is at most 256 bytes": lambda t: len(t.raw[0]) > 256,
    "strict JSON, no name twice": lambda t: t.header is None or t.claims is None,
    "the header has alg, typ, kid and nothing else": lambda t: t.header is not None and set(t.header) != {"alg", "typ", "kid"},
    "typ is at+jwt": lambda t: t.header is not None and t.header.get("typ") != "at+jwt",
    "kid names our key": lambda t: t.header is not None and t.header.get("kid") != KID,
    "dates are integers from 0 to 2^53": lambda t: t.claims is not None
    and not all(is_date(t.claims.get(name)) for name in ["iat", "exp", "auth_time"] + (["nbf"] if "nbf" in t.claims else [])),
    "a life of at most an hour, and not less than none": lambda t: t.claims is not None and is_date(t.claims.get("iat"))
    and is_date(t.claims.get("exp")) and not 0 <= t.claims["exp"] - t.claims["iat"] <= 3600,
    "sub and sid are identifiers": lambda t: t.claims is not None and not (is_id(t.claims.get("sub")) and is_id(t.claims.get("sid"))),
    "jti and role are texts": lambda t: t.claims is not None and not (is_text(t.claims.get("jti")) and is_text(t.claims.get("role"))),
    "amr is a list of texts": claim("amr", lambda value: isinstance(value, list) and all(type(method) is str for method in value)),
    "epoch is eight hex digits, a dot, a number": claim(
        "epoch", lambda value: type(value) is str and re.fullmatch(r"[0-9a-f]{8}\.(0|[1-9][0-9]*)", value) is not None and int(value[9:]) < 2**32),
    "at most 16 unknown claims, none behind escapes": lambda t: t.claims is not None
    and (len(set(t.claims) - set(REQUIRED) - {"nbf"}) > 16 or unknown_behind_escapes(t.raw[1], t.claims)),
    "nesting of at most 8": lambda t: t.claims is not None and depth(t.claims) > 8,
}


def verdict(text, reasons):
    said = pyjwt(text)
    if said == "invalid":
        return said
    token = Token(text)
    broken = [name for name, is_broken in RULES.items() if is_broken(token)]
    for name in broken:
        reasons[name, "alone" if len(broken) == 1 else "with others"] += 1
    return "invalid" if broken else said


# ---- tokens ----


def claims(chance):
    issued = NOW - chance.choice([0, 0, 1, 10, 599, 600, 601, 3000])
    made = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": USER, "sid": SESSION, "jti": "0198f3c0-0000-7000-8000-%012x" % chance.getrandbits(48), "iat": issued,
        "exp": issued + chance.choice([60, 600, 600, 3600]), "auth_time": issued - 5, "amr": ["pwd"], "role": chance.choice(["user", "admin"]), "epoch": EPOCH}
    names = list(made)
    chance.shuffle(names)
    return {name: made[name] for name in names}


VALUES = [
    None, True, False, 0, 1, -1, 1.5, 1e300, "", "x", "userd", "userd ", [], ["userd"], ["x", "userd"], ["userd", 1], {}, {"userd": 1}, NOW, float(NOW), NOW + 600, NOW + 600.5,
    str(NOW + 600), NOW + 30, NOW + 31, NOW - 1, 2**53, 2**53 + 1, 2**63, 2**64, 10**400, USER, USER.upper(), "{%s}" % USER, SESSION, "a1b2c3d4.4", "a1b2c3d4.03",
    "A1B2C3D4.3", "a1b2c3d4.", "a1b2c3d4.4294967296", "ÿ", "\u0000", "\U0001f600", ISSUER, ISSUER + "/", [ISSUER], ["pwd", "otp"], ["pwd", 1], [[]],
]


def mutate_claims(chance, made):
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        name = chance.choice(list(made) + ["nbf", "x", "exp", "iat", "exp", "iat"])
        action = chance.random()
        if action < 0.15:
            made.pop(name, None)
        elif action < 0.75:
            made[name] = chance.choice(VALUES)
        elif action < 0.85:
            made.update({"x%d" % n: n for n in range(chance.choice([1, 15, 16, 17, 40]))})
        elif action < 0.92:
            value = 1
            for _ in range(chance.choice([1, 6, 7, 8, 9])):
                value = [value]
            made["x"] = value
        else:
            made[name] = "y" * chance.choice([10, 1000, 2400, 2600, 4000])
    return made


def edit(chance, data, alphabet=b'{}[]",:\\ 0123456789eE+-.truefalsn\x00\x7f\x80\xff'):
    data = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data) + 1)
        action = chance.random()
        if action < 0.4 and place < len(data):
            data[place] = chance.choice(alphabet)
        elif action < 0.6 and place < len(data):
            del data[place]
        elif action < 0.8:
            data.insert(place, chance.choice(alphabet))
        else:
            end = min(len(data), place + chance.randint(1, 40))
            data[chance.randrange(len(data) + 1):0] = data[place:end]
    return bytes(data)


def header(chance):
    made = {"alg": "HS256", "typ": "at+jwt", "kid": KID}
    if chance.random() < 0.25:
        name = chance.choice(["alg", "typ", "kid", "jwk", "jku", "cty", "x", "b64", "zip"])
        made[name] = chance.choice(["none", "HS384", "RS256", "JWT", "at+jwt", "AT+JWT", KID, KID.upper(), "", "x", {}, [], ["exp"], "x" * 300])
        if chance.random() < 0.3:
            made.pop(chance.choice(["typ", "kid", "alg"]), None)
    if chance.random() < 0.3:
        made = dict(sorted(made.items(), key=lambda _: chance.random()))
    return made


def write_json(chance, value):
    separators = chance.choice([(",", ":"), (",", ":"), (", ", ": "), (" ,\n", "\t: ")])
    return json.dumps(value, separators=separators, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def respell(chance, data):
    """Base64url that Python reads as the same bytes."""
    text, way = encode(data), chance.choice([0, 0, 0, 1, 2])
    if way == 0:
        return text[:-1] + DIGITS[DIGITS.index(text[-1]) ^ 1] if len(text) % 4 else text
    place = chance.randrange(len(text) + 1)
    return text + "=" * chance.randint(1, 3) if way == 1 else text[:place] + chance.choice("!~ *") + text[place:]


def dress(chance, payload):
    """Members that a lenient reader takes."""
    more = [b',"x":1,"x":2', b',"sub":"%s"' % USER.encode(), b',"exp":%d' % (NOW + 60), b',"x":NaN', b',"x":-Infinity', b',"x":"\\ud800"', b',"\\u0078":1',
            b',"x":{"y":1,"y":1}', b',"nbf":%d' % (NOW + chance.randint(28, 33)), b""]
    return payload[:-1] + chance.choice(more) + payload[-1:]


def sign(chance, header_bytes, payload):
    secret = SECRET if chance.random() < 0.97 else chance.choice([b"", KID.encode(), SECRET[:-1], SECRET + b"\0", b"\0" * 32])
    spell = respell if chance.random() < 0.1 else lambda _, data: encode(data)
    text = spell(chance, header_bytes) + "." + spell(chance, payload)
    return text + "." + encode(hmac.new(secret, text.encode(), hashlib.sha256).digest())


def token(chance):
    way = chance.random()
    if way < 0.2:
        # As PyJWT itself writes it.
        return jwt.encode(claims(chance), SECRET, algorithm="HS256", headers={"typ": "at+jwt", "kid": KID})
    made = write_json(chance, mutate_claims(chance, claims(chance)))
    head = write_json(chance, header(chance))
    if chance.random() < 0.1:
        made = dress(chance, made)
    if chance.random() < 0.1:
        head = head[:-1] + b" " * chance.choice([50, 195, 196, 197, 198, 199, 230, 260]) + head[-1:]
    if way < 0.65:
        return sign(chance, head, made)
    if way < 0.85:
        made = edit(chance, made) if chance.random() < 0.8 else made
        head = edit(chance, head) if chance.random() < 0.3 else head
        return sign(chance, head, made)
    text = edit(chance, sign(chance, head, made).encode(), b"ABCabc019-_.+/=").decode("ascii")
    # An edit that only touches what is under the tag is made good again, so that the spelling is judged and not the tag.
    parts = text.split(".")
    if len(parts) == 3 and chance.random() < 0.7:
        parts[2] = encode(hmac.new(SECRET, (parts[0] + "." + parts[1]).encode(), hashlib.sha256).digest())
        text = ".".join(parts)
    return text


def issue(seed, count):
    chance = random.Random(seed)
    reasons, verdicts = collections.Counter(), collections.Counter()
    print("ground", SECRET.hex(), ISSUER, AUDIENCE, NOW)
    for _ in range(count):
        text = token(chance)
        said = verdict(text, reasons)
        verdicts[said] += 1
        print(said, text)
    print(f"{count} tokens: " + ", ".join(f"{said} {number}" for said, number in verdicts.items()), file=sys.stderr)
    print("where PyJWT accepts and the contract does not:", file=sys.stderr)
    for rule in RULES:
        print(f"  {reasons[rule, 'alone']:6} alone, {reasons[rule, 'with others']:5} with others: {rule}", file=sys.stderr)


# ---- what userd issued ----


def judge_token(fields):
    secret, issuer, audience, now, expected, text = (bytes.fromhex(field) for field in fields)
    global NOW
    NOW = int(now)
    read = jwt.decode_complete(text.decode(), secret, algorithms=["HS256"], audience=audience.decode(), issuer=issuer.decode(), options={"require": REQUIRED})
    assert read["header"] == {"alg": "HS256", "typ": "at+jwt", "kid": key_id(secret)}, read["header"]
    assert read["payload"] == json.loads(expected), (read["payload"], expected)


def judge_password(fields):
    """By the C library and by passlib, which reads the text itself; and passwords that are nearly the same."""
    password, encoded = bytes.fromhex(fields[0]).decode(), bytes.fromhex(fields[1])
    normal = unicodedata.normalize("NFC", password).encode()
    assert argon2.low_level.verify_secret(encoded, normal, argon2.low_level.Type.ID)
    assert passlib.hash.argon2.verify(normal, encoded.decode()) and passlib.hash.argon2.from_string(encoded.decode()).to_string() == encoded.decode()
    for other in [normal + b"x", normal[:-1], bytes([normal[0] ^ 1]) + normal[1:], normal.swapcase() + b" "]:
        try:
            argon2.low_level.verify_secret(encoded, other, argon2.low_level.Type.ID)
        except argon2.exceptions.VerifyMismatchError:
            continue
        raise AssertionError("another password matches too")


def judge_code(fields):
    uri, account, issuer, seconds, code = (bytes.fromhex(field).decode() for field in fields)
    app = pyotp.parse_uri(uri)
    assert (app.name, app.issuer, app.digits, app.interval) == (account, issuer, 6, 30), (app.name, app.issuer)
    assert app.verify(code, for_time=int(seconds)), (uri, seconds, code)


def judge(path):
    judges = {"token": judge_token, "password": judge_password, "code": judge_code}
    counts = collections.Counter()
    for line in open(path):
        kind, *fields = line.split()
        judges[kind](["" if field == "-" else field for field in fields])
        counts[kind] += 1
    print("issued by userd and accepted by PyJWT, argon2-cffi, passlib and pyotp: " + ", ".join(f"{kind} {counts[kind]}" for kind in judges))
    if set(counts) != set(judges):
        sys.exit("some kind was not issued")


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "issue":
        issue(int(sys.argv[2]), int(sys.argv[3]))
    elif len(sys.argv) == 3 and sys.argv[1] == "judge":
        judge(sys.argv[2])
    else:
        sys.exit(__doc__)


main()
