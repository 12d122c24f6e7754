"""Writes the rows that Python's libraries make; see make.sh."""
import base64, hashlib, json, os, subprocess, sys

import bcrypt
import django
from argon2 import PasswordHasher
from django.conf import settings
from django.contrib.auth.hashers import make_password
from passlib import hash as p
from werkzeug.security import generate_password_hash

settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in (
    "PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptPasswordHasher", "SHA1PasswordHasher",
    "MD5PasswordHasher", "UnsaltedSHA1PasswordHasher", "UnsaltedMD5PasswordHasher")])
django.setup()
password = sys.argv[1]
# Hashes of the default cost are made of one password only: the tests compute them all.
once = password == "correct horse"


def row(source, scheme, text, salt="", declared=""):
    print("\t".join((source, scheme, password, text, salt, declared)))


for name, scheme in (("pbkdf2_sha256", "pbkdf2-sha256"), ("pbkdf2_sha1", "pbkdf2-sha1"), ("argon2", "argon2id"), ("sha1", "sha1-salt-password"),
                     ("md5", "md5-salt-password"), ("unsalted_sha1", "sha1"), ("unsalted_md5", "md5"), ("bcrypt", "bcrypt")):
    if once or name not in ("pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt"):
        row("Django", scheme, make_password(password, hasher=name))
# Django 4.2 writes scrypt as this; Debian's Django is older.
key = hashlib.scrypt(password.encode(), salt=b"pEpperAndSalt", n=1024, r=8, p=1, maxmem=1 << 26, dklen=64)
row("hashlib, Django scrypt", "scrypt", "scrypt$1024$pEpperAndSalt$8$1$" + base64.b64encode(key).decode())

for method, scheme in (("pbkdf2:sha256:1000", "pbkdf2-sha256"), ("pbkdf2:sha1:1000", "pbkdf2-sha1"), ("pbkdf2:sha512:1000", "pbkdf2-sha512"),
                       ("sha256", "sha256-hmac"), ("sha512", "sha512-hmac")):
    row("Werkzeug 2.2", scheme, generate_password_hash(password, method=method))
for name in ("md5", "sha1"):
    row("Werkzeug 2.2", name + "-hmac", generate_password_hash(password, method=name), declared=name + "-hmac")
for method, scheme in (("scrypt", "scrypt"),) * once + (("scrypt:1024:8:2", "scrypt"), ("pbkdf2:sha256:1000", "pbkdf2-sha256")):
    row("Werkzeug 3.1", scheme, subprocess.run(
        [sys.executable, "-c", "import sys; from werkzeug.security import generate_password_hash as g; print(g(sys.argv[1], method=sys.argv[2]))",
         password, method], env={"PYTHONPATH": os.environ["WERKZEUG3"]}, check=True, capture_output=True, text=True).stdout.strip())

for hasher, scheme in ((p.pbkdf2_sha1.using(rounds=1000), "pbkdf2-sha1"), (p.pbkdf2_sha256.using(rounds=1000), "pbkdf2-sha256"),
                       (p.pbkdf2_sha512.using(rounds=1000), "pbkdf2-sha512"), (p.scrypt.using(rounds=10), "scrypt"), (p.phpass.using(rounds=8), "phpass"),
                       (p.phpass.using(rounds=8, ident="H"), "phpass"), (p.ldap_md5, "md5"), (p.ldap_salted_md5, "md5-password-salt"),
                       (p.ldap_sha1, "sha1"), (p.ldap_salted_sha1, "sha1-password-salt"), (p.ldap_salted_sha256, "sha256-password-salt"),
                       (p.ldap_salted_sha512, "sha512-password-salt"), (p.sha256_crypt.using(rounds=1000), "sha256-crypt"),
                       (p.sha512_crypt.using(rounds=1000), "sha512-crypt"), (p.md5_crypt, "md5-crypt"), (p.apr_md5_crypt, "apr1"),
                       (p.hex_md5, "md5"), (p.hex_sha1, "sha1"), (p.hex_sha256, "sha256"), (p.hex_sha512, "sha512")):
    row("passlib", scheme, hasher.hash(password))
for name in ("sha256", "sha512"):
    row("hashlib, LDAP", name, "{%s}%s" % (name.upper(), base64.b64encode(hashlib.new(name, password.encode()).digest()).decode()))

row("python-bcrypt", "bcrypt", bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode())
text = PasswordHasher(time_cost=2, memory_cost=256, parallelism=2).hash(password)
row("argon2-cffi", "argon2id", text)
row("argon2-cffi, other order", "argon2id", text.replace("m=256,t=2,p=2", "p=2,t=2,m=256"))


def keycloak(algorithm, iterations, digest, salt, **more):
    data = {"hashIterations": iterations, "algorithm": algorithm, "additionalParameters": more}
    secret = {"value": base64.b64encode(digest).decode(), "salt": base64.b64encode(salt).decode(), "additionalParameters": {}}
    return json.dumps({"id": "2a1c5d7e-0f43-4a0d-8b3c-5f3e1c9f0a11", "type": "password", "createdDate": 1700000000000,
                       "secretData": json.dumps(secret), "credentialData": json.dumps(data)})


for algorithm, name, size in (("pbkdf2", "sha1", 64), ("pbkdf2-sha256", "sha256", 64), ("pbkdf2-sha512", "sha512", 64)):
    salt = os.urandom(16)
    row("hashlib, Keycloak", "pbkdf2-" + name, keycloak(algorithm, 1000, hashlib.pbkdf2_hmac(name, password.encode(), salt, 1000, size), salt))
from argon2.low_level import Type, hash_secret_raw
salt = os.urandom(16)
row("argon2-cffi, Keycloak", "argon2id", keycloak(
    "argon2", 5, hash_secret_raw(password.encode(), salt, time_cost=5, memory_cost=256, parallelism=1, hash_len=32, type=Type.ID), salt,
    hashLength=["32"], memory=["256"], type=["id"], version=["1.3"], parallelism=["1"]))
