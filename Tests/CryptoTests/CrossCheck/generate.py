#!/usr/bin/env python3
"""Writes random cases of userd's cryptographic functions with the answers of other libraries.

    pip install argon2-cffi bcrypt cryptography passlib pynacl pyotp
    python3 Tests/CryptoTests/CrossCheck/generate.py SEED COUNT > vectors.txt
    USERD_CRYPTO_VECTORS=$PWD/vectors.txt swift test --filter CrossCheckTests

One case a line: the function, then its fields, byte strings in hexadecimal ("-" when empty), numbers in decimal.
"""

import base64
import hashlib
import hmac
import random
import sys

import bcrypt as bcrypt_library
import nacl.bindings
import pyotp
from argon2.low_level import ARGON2_VERSION, Type, core, ffi, hash_secret
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


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: generate.py SEED COUNT")
    chance = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        function = chance.choice([
            sha256, hmac_sha256, hkdf, blake2b, argon2, phc, sha1, sha512, hmac_any, pbkdf2, scrypt, bcrypt, foreign, aead, totp])
        print(" ".join(function(chance)))


main()
