#!/usr/bin/env python3
"""Writes random cases of userd's cryptographic functions with the answers of other libraries.

    pip install argon2-cffi
    python3 Tests/CryptoTests/CrossCheck/generate.py SEED COUNT > vectors.txt
    USERD_CRYPTO_VECTORS=$PWD/vectors.txt swift test --filter CrossCheckTests

One case a line: the function, then its fields, byte strings in hexadecimal ("-" when empty), numbers in decimal.
"""

import hashlib
import hmac
import random
import sys

from argon2.low_level import ARGON2_VERSION, Type, core, ffi, hash_secret


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


def argon2id(chance):
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
    status = core(context, Type.ID.value)
    assert status == 0, status
    return ["argon2id", str(memory), str(iterations), str(lanes), text(password), text(salt), text(secret), text(extra),
            bytes(output).hex()]


def phc(chance):
    memory, iterations, lanes = cost(chance)
    password = chance.randbytes(length(chance, 100))
    encoded = hash_secret(
        password, chance.randbytes(chance.randint(8, 64)), iterations, memory, lanes, chance.choice([16, 24, 32, 33, 64]), Type.ID)
    return ["phc", text(password), encoded.decode("ascii")]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: generate.py SEED COUNT")
    chance = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        function = chance.choice([sha256, hmac_sha256, hkdf, blake2b, argon2id, phc])
        print(" ".join(function(chance)))


main()
