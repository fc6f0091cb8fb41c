"""Asks Sentinel for the license and checks it. Needs nothing beyond Python's standard library."""

import base64
import datetime
import hashlib
import json
import os
import socket
import sys
import uuid

SOFTWARE_ID = "web"
# your org_public_key.pem, without its first and last line
VENDOR_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEla9oy3WKaSea5YJoqIjKiheXWdPE"
    "bFC6iFavK+6r6+HZzvjibzSUWOzXCAmyuCYDNyhupbU19+ex5OsF63J64w=="
)


def ask(method, params):
    with socket.socket(socket.AF_UNIX) as sentinel:
        sentinel.settimeout(65)
        sentinel.connect(os.environ["SENTINEL_IPC_SOCKET"])
        sentinel.sendall(json.dumps({"method": method, "params": params}).encode() + b"\n")
        with sentinel.makefile("r", encoding="utf-8") as answers:
            return json.loads(answers.readline())


# ECDSA with P-256 and SHA-256 (FIPS 186-5)
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(a, b):
    if a is None or b is None:
        return a or b
    if a == b:
        slope = 3 * (a[0] * a[0] - 1) * pow(2 * a[1], -1, P)
    elif a[0] == b[0]:
        return None
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(factor, point):
    product = None
    for bit in format(factor, "b"):
        product = add(product, product)
        product = add(product, point) if bit == "1" else product
    return product


def open_signed(signed):
    der = base64.urlsafe_b64decode(signed["sig"] + "==")
    key = base64.b64decode(VENDOR_KEY)[-64:]
    parts = key[:32], key[32:], der[4 : 4 + der[3]], der[6 + der[3] :]
    x, y, r, s = (int.from_bytes(part, "big") for part in parts)
    digest = int.from_bytes(hashlib.sha256(signed["payload"].encode()).digest(), "big")
    inverse = pow(s, -1, N)
    point = add(multiply(digest * inverse % N, G), multiply(r * inverse % N, (x, y)))
    if not (0 < r < N and 0 < s < N and point is not None and point[0] % N == r):
        raise ValueError("not signed by the vendor")
    return json.loads(base64.urlsafe_b64decode(signed["payload"] + "=="))


nonce = str(uuid.uuid4())
answer = ask("get_license", {"proof": True, "nonce": nonce})
if answer["status"] != "ok":
    sys.exit(f"no license: {answer['error']}")
license = open_signed(answer["envelope"])
today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
if license["software_id"] != SOFTWARE_ID or license["expiry_date"] < today:
    sys.exit("no license: it has expired, or is for another software")
if answer["answer"] is None:
    # how long to go on without an answer is your decision
    print(f"the license server did not answer: {answer['reason']}", file=sys.stderr)
else:
    confirmed = open_signed(answer["answer"])
    same = ("license_key", license), ("machine_id", answer)
    is_confirmed = confirmed["request_nonce"] == nonce and confirmed["status"] == "ACTIVE"
    if not is_confirmed or any(confirmed[name] != of[name] for name, of in same):
        sys.exit("no license: the license server does not confirm it")
print(license["license_key"], json.dumps(license["features"]))
