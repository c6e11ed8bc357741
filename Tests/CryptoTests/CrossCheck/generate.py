#!/usr/bin/env python3
"""Writes random cases of userd's cryptographic functions with the answers of other libraries.

    pip install argon2-cffi bcrypt cryptography passlib pynacl pyotp
    python3 Tests/CryptoTests/CrossCheck/generate.py SEED COUNT > vectors.txt
    USERD_CRYPTO_VECTORS=$PWD/vectors.txt swift test --filter CrossCheckTests

One case a line: the function, then its fields, byte strings in hexadecimal ("-" when empty), numbers in decimal. "judged" has a hash that another
library made, mostly changed, and a password, mostly a wrong one, with the verdict that userd must give: the library's own, unless a rule of
Hash.stricter refuses it. How often each rule was the reason goes to standard error.
"""

import base64
import collections
import hashlib
import hmac
import random
import re
import sys
import warnings

import bcrypt as bcrypt_library
import nacl.bindings
import pyotp
from argon2.exceptions import Argon2Error
from argon2.low_level import ARGON2_VERSION, Type, core, ffi, hash_secret, verify_secret
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from passlib import hash as passlib_hash


def text(data):
    return data.hex() or "-"


def length(chance, most):
    """Mostly near the ends of blocks, where mistakes are."""
    if chance.random() < 0.5:
        edge = chance.choice([0, 32, 55, 56, 63, 64, 65, 119, 120, 127, 128, 129, 191, 192, 255, 256])
        return min(most, max(0, edge + chance.randint(-1, 1)))
    return chance.randint(0, most)


def sha256(chance):
    message = chance.randbytes(length(chance, 5000))
    return ["sha256", text(message), hashlib.sha256(message).hexdigest()]


def hmac_sha256(chance):
    key = chance.randbytes(length(chance, 200))
    message = chance.randbytes(length(chance, 2000))
    return ["hmac", text(key), text(message), hmac.new(key, message, hashlib.sha256).hexdigest()]


def hkdf(chance):
    secret = chance.randbytes(length(chance, 100))
    salt = chance.randbytes(length(chance, 100))
    info = chance.randbytes(length(chance, 100))
    count = chance.choice([1, 31, 32, 33, 64, 255 * 32, chance.randint(1, 500)])
    extracted = hmac.new(salt, secret, hashlib.sha256).digest()
    output, block = b"", b""
    for counter in range(1, 256):
        block = hmac.new(extracted, block + info + bytes([counter]), hashlib.sha256).digest()
        output += block
        if len(output) >= count:
            break
    return ["hkdf", text(secret), text(salt), text(info), str(count), output[:count].hex()]


def blake2b(chance):
    count = chance.randint(1, 64)
    key = chance.randbytes(chance.choice([0, 0, 1, 32, 63, 64]))
    message = chance.randbytes(length(chance, 2000))
    return ["blake2b", str(count), text(key), text(message), hashlib.blake2b(message, digest_size=count, key=key).hexdigest()]


def cost(chance):
    lanes = chance.randint(1, 4)
    memory = chance.choice([8 * lanes, chance.randint(8 * lanes, 8 * lanes + 100), chance.randint(8 * lanes, 600)])
    return memory, chance.randint(1, 4), lanes


def argon2(chance):
    name, kind = chance.choice([("argon2id", Type.ID), ("argon2i", Type.I)])
    memory, iterations, lanes = cost(chance)
    password = chance.randbytes(length(chance, 300))
    salt = chance.randbytes(chance.randint(8, 64))
    secret = chance.randbytes(chance.choice([0, 0, 8, 32, 100]))
    extra = chance.randbytes(chance.choice([0, 0, 12, 200]))
    count = chance.choice([4, 16, 32, 32, 63, 64, 65, 96, 97, 128, chance.randint(4, 1024)])
    output = ffi.new("uint8_t[]", count)
    fields = [ffi.new("uint8_t[]", data) for data in (password, salt, secret, extra)]
    context = ffi.new("argon2_context *", dict(
        version=ARGON2_VERSION, out=output, outlen=count,
        pwd=fields[0], pwdlen=len(password), salt=fields[1], saltlen=len(salt),
        secret=fields[2] if secret else ffi.NULL, secretlen=len(secret), ad=fields[3] if extra else ffi.NULL, adlen=len(extra),
        t_cost=iterations, m_cost=memory, lanes=lanes, threads=1,
        allocate_cbk=ffi.NULL, free_cbk=ffi.NULL, flags=0))
    status = core(context, kind.value)
    assert status == 0, status
    return [name, str(memory), str(iterations), str(lanes), text(password), text(salt), text(secret), text(extra),
            bytes(output).hex()]


def phc(chance):
    memory, iterations, lanes = cost(chance)
    password = chance.randbytes(length(chance, 100))
    encoded = hash_secret(
        password, chance.randbytes(chance.randint(8, 64)), iterations, memory, lanes, chance.choice([16, 24, 32, 33, 64]),
        chance.choice([Type.ID, Type.I]))
    return ["phc", text(password), encoded.decode("ascii")]


def sha1(chance):
    message = chance.randbytes(length(chance, 2000))
    return ["sha1", text(message), hashlib.sha1(message).hexdigest()]


def sha512(chance):
    message = chance.randbytes(length(chance, 2000))
    return ["sha512", text(message), hashlib.sha512(message).hexdigest()]


def hmac_any(chance):
    name = chance.choice(["sha1", "sha256", "sha512"])
    key = chance.randbytes(length(chance, 300))
    message = chance.randbytes(length(chance, 1000))
    return ["hmac-" + name, text(key), text(message), hmac.new(key, message, name).hexdigest()]


def pbkdf2(chance):
    name = chance.choice(["sha1", "sha256", "sha512"])
    password = chance.randbytes(length(chance, 200))
    salt = chance.randbytes(length(chance, 200))
    iterations = chance.choice([1, 2, 3, chance.randint(1, 100)])
    count = chance.choice([1, 20, 32, 64, 65, chance.randint(1, 300)])
    key = hashlib.pbkdf2_hmac(name, password, salt, iterations, count)
    return ["pbkdf2", name, text(password), text(salt), str(iterations), key.hex()]


def scrypt(chance):
    log_count, size, lanes = chance.randint(1, 7), chance.randint(1, 9), chance.randint(1, 4)
    password = chance.randbytes(length(chance, 100))
    salt = chance.randbytes(length(chance, 100))
    count = chance.choice([16, 32, 64, chance.randint(1, 200)])
    key = hashlib.scrypt(password, salt=salt, n=1 << log_count, r=size, p=lanes, dklen=count)
    return ["scrypt", str(log_count), str(size), str(lanes), text(password), text(salt), key.hex()]


def bcrypt(chance):
    """Up to 72 bytes, which is all that counts, and none of them NUL."""
    password = bytes(chance.randint(1, 255) for _ in range(chance.choice([0, 1, 8, 71, 72, chance.randint(0, 72)])))
    salt = bcrypt_library.gensalt(4, chance.choice([b"2a", b"2b"]))
    salt = salt[:7] + bcrypt_base64(chance.randbytes(16))
    encoded = bcrypt_library.hashpw(password, salt).decode("ascii")
    longer = password + bytes(chance.randint(1, 255) for _ in range(300)) if len(password) == 72 else password
    return ["foreign", text(chance.choice([password, longer])), encoded.replace("$2b", chance.choice(["$2b", "$2y"]))]


def bcrypt_base64(data):
    standard = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    own = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return base64.b64encode(data).rstrip(b"=").translate(bytes.maketrans(standard, own))


def foreign(chance):
    """Hashes as passlib writes them, and Django by way of passlib."""
    password = bytes(chance.randint(1, 255) for _ in range(length(chance, 100)))
    salt = chance.randbytes(chance.randint(1, 64))
    rounds = chance.choice([1, chance.randint(1, 50)])
    letters = "".join(chance.choices("abcXYZ0189", k=chance.randint(1, 30)))
    encoded = chance.choice([
        lambda: passlib_hash.pbkdf2_sha1.using(salt=salt, rounds=rounds).hash(password),
        lambda: passlib_hash.pbkdf2_sha256.using(salt=salt, rounds=rounds).hash(password),
        lambda: passlib_hash.pbkdf2_sha512.using(salt=salt, rounds=rounds).hash(password),
        lambda: passlib_hash.django_pbkdf2_sha1.using(salt=letters, rounds=rounds).hash(password),
        lambda: passlib_hash.django_pbkdf2_sha256.using(salt=letters, rounds=rounds).hash(password),
        lambda: passlib_hash.scrypt.using(
            salt=salt, rounds=chance.randint(1, 7), block_size=chance.randint(1, 9), parallelism=chance.randint(1, 4)).hash(password),
        lambda: "scrypt$64$%s$4$2$%s" % (letters, base64.b64encode(
            hashlib.scrypt(password, salt=letters.encode(), n=64, r=4, p=2, dklen=64)).decode()),
        lambda: "$pbkdf2-sha256$i=%d,l=32$%s$%s" % (rounds, plain64(salt), plain64(
            hashlib.pbkdf2_hmac("sha256", password, salt, rounds, 32))),
    ])()
    return ["foreign", text(password), encoded]


def plain64(data):
    return base64.b64encode(data).rstrip(b"=").decode()


# ---- hashes and passwords, changed ----


class Hash:
    """A text that may be a hash, as its library reads it."""

    def __init__(self, encoded, handler=None):
        self.encoded, self.handler = encoded, handler

    def is_right(self, password):
        """Whether its library takes the password for the right one; False also for what it cannot read."""
        data = self.encoded.encode("latin-1")
        try:
            if self.encoded.startswith("$2"):
                return bcrypt_library.checkpw(password[:72], data)
            if self.encoded.startswith("$argon2"):
                return verify_secret(data, password, Type.I if self.encoded.startswith("$argon2i$") else Type.ID)
            return self.handler is not None and self.handler.verify(password, self.encoded)
        except (ValueError, TypeError, AssertionError, LookupError, OverflowError, MemoryError, Argon2Error):
            return False

    def stricter(self, password):
        """The rules of docs/security.md section 1 that refuse what the library takes."""
        if self.encoded.startswith("$2"):
            yield "bcrypt never matches a password with a NUL", b"\0" in password
            yield "bcrypt's last digits have one spelling", not re.fullmatch(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]", self.encoded)
        elif self.encoded.startswith("$argon2"):
            yield "Argon2 is of version 1.3", "$v=19$" not in self.encoded
            salt, tag = (len(part) * 3 // 4 for part in self.encoded.split("$")[-2:])
            yield "salts have at most 64 bytes, tags 16 to 64", salt > 64 or not 16 <= tag <= 64
        else:
            yield "PBKDF2 and scrypt never match a password with a NUL at its end", password.endswith(b"\0")
            yield "a hash has one spelling", self.handler.from_string(self.encoded).to_string() != self.encoded

    @property
    def is_cheap(self):
        """Whether trying it costs next to nothing, whatever a change made of its numbers."""
        if self.encoded.startswith("$2"):
            return not re.match(r"\$2.?\$(0[7-9]|[1-9])", self.encoded)
        return all(int(number) < 5000 for number in re.findall(r"\d+", self.encoded.rsplit("$", 2)[0]))


def made(chance):
    """A hash of another library and its password."""
    password = bytes(chance.randint(1, 255) for _ in range(length(chance, 90)))
    salt, rounds = chance.randbytes(chance.choice([1, 8, 16, 16, 32, 63, 64])), chance.randint(1, 9)
    way = chance.random()
    if way < 0.3:
        setting = bcrypt_library.gensalt(4, chance.choice([b"2a", b"2b"]))[:7] + bcrypt_base64(chance.randbytes(16))
        return Hash(bcrypt_library.hashpw(password[:72], setting).decode()), password
    if way < 0.6:
        salt = salt.ljust(8, b"s")
        return Hash(hash_secret(password, salt, rounds % 3 + 1, 8 + rounds, 1, chance.choice([16, 32, 64]), chance.choice([Type.ID, Type.I])).decode()), password
    handler = chance.choice([
        passlib_hash.pbkdf2_sha1, passlib_hash.pbkdf2_sha256, passlib_hash.pbkdf2_sha512, passlib_hash.django_pbkdf2_sha1,
        passlib_hash.django_pbkdf2_sha256, passlib_hash.scrypt])
    options = {"salt": "".join(chance.choices("abcXYZ0189", k=9)) if handler.name.startswith("django") else salt, "rounds": rounds}
    if handler is passlib_hash.scrypt:
        options.update(rounds=chance.randint(1, 6), block_size=chance.randint(1, 4))
    return Hash(handler.using(**options).hash(password), handler), password


def changed_hash(chance, encoded):
    letters = "./+=$,0123456789abcyABCZ \0\x7f\xe9"
    for _ in range(chance.choice([1, 1, 2])):
        place, way = chance.randrange(len(encoded)), chance.randrange(6)
        if way == 0:
            encoded = encoded[:place] + chance.choice(letters) + encoded[place + 1:]
        elif way == 1:
            encoded = encoded[:place] + encoded[place + 1:] or "x"
        elif way == 2:
            encoded = encoded[:place] + chance.choice(letters) + encoded[place:]
        elif way == 3:
            # The last digit of one of the parts, whose unused bits a careless reader passes over.
            parts = encoded.split("$")
            index = chance.choice([-1, -1, -2])
            parts[index] = parts[index][:-1] + chance.choice(letters)
            encoded = "$".join(parts)
        elif way == 4:
            encoded = chance.choice([encoded[:place] or "x", encoded + chance.choice(letters), encoded.upper(), encoded.swapcase()])
        else:
            parts = encoded.split("$")
            one, two = chance.randrange(len(parts)), chance.randrange(len(parts))
            parts[one], parts[two] = parts[two], parts[one]
            encoded = "$".join(parts)
    return encoded


def changed_password(chance, password):
    place = chance.randrange(len(password) + 1)
    return chance.choice([
        password[:place] + bytes([chance.randint(1, 255)]) + password[place + 1:], password[:place] + password[place + 1:], password + b"\0",
        password + bytes([chance.randint(1, 255)]), password[:72], password[:71], password.swapcase(), b""])


verdicts, reasons = collections.Counter(), collections.Counter()


def judged(chance):
    while True:
        subject, password = made(chance)
        if chance.random() < 0.6:
            subject = Hash(changed_hash(chance, subject.encoded), subject.handler)
        if chance.random() < 0.3:
            password = changed_password(chance, password)
        if subject.is_cheap:
            break
    is_right = subject.is_right(password)
    if is_right:
        broken = [rule for rule, is_broken in subject.stricter(password) if is_broken]
        reasons.update(broken)
        is_right = not broken
    verdicts["right" if is_right else "wrong"] += 1
    return ["judged", text(password), text(subject.encoded.encode("latin-1")), "right" if is_right else "wrong"]


def aead(chance):
    key, data = chance.randbytes(32), chance.randbytes(length(chance, 100))
    message = chance.randbytes(length(chance, 1000))
    if chance.random() < 0.5:
        nonce = chance.randbytes(12)
        sealed = ChaCha20Poly1305(key).encrypt(nonce, message, data)
    else:
        nonce = chance.randbytes(24)
        sealed = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(message, data, nonce, key)
    return ["aead", text(key), text(nonce), text(data), text(message), sealed.hex()]


def totp(chance):
    secret = chance.randbytes(chance.choice([16, 20, 20, 32, 64]))
    seconds = chance.choice([chance.randint(0, 100), chance.randint(0, 4_000_000_000)])
    code = pyotp.TOTP(base64.b32encode(secret).decode()).at(seconds)
    return ["totp", text(secret), str(seconds), code]


def totp_window(chance):
    """A code of some step near now, or none at all, and whether pyotp takes it with a tolerance of one step."""
    secret = chance.randbytes(chance.choice([16, 20, 20, 32, 64]))
    seconds = chance.choice([chance.randint(30, 130), chance.randint(0, 4_000_000_000)])
    app = pyotp.TOTP(base64.b32encode(secret).decode())
    code = app.at(max(0, seconds + 30 * chance.randint(-3, 3)))
    way = chance.random()
    if way < 0.15:
        code = "%06d" % ((int(code) + chance.choice([1, -1, 100_000])) % 1_000_000)
    elif way < 0.25:
        code = chance.choice([code[:-1], code + "0", "0" + code, code[::-1], "000000", "-" + code[1:]])
    return ["totp-window", text(secret), str(seconds), code, "right" if app.verify(code, for_time=seconds, valid_window=1) else "wrong"]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: generate.py SEED COUNT")
    warnings.simplefilter("ignore")
    chance = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        function = chance.choice([
            sha256, hmac_sha256, hkdf, blake2b, argon2, phc, sha1, sha512, hmac_any, pbkdf2, scrypt, bcrypt, foreign, aead, totp, totp_window, judged, judged])
        print(" ".join(function(chance)))
    print("hashes and passwords, changed: %d right, %d wrong" % (verdicts["right"], verdicts["wrong"]), file=sys.stderr)
    for rule, count in sorted(reasons.items()):
        print(f"  {count:5} that the library takes: {rule}", file=sys.stderr)


main()
