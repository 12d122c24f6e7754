"""A Flask service that hears from Portaria who signed out, and refuses their tokens."""

import base64
import hashlib
import hmac
import os
import re
import time

from flask import Flask, abort, request
from flask_jwt_extended import JWTManager, get_jwt_identity, jwt_required
from jwt import PyJWKClient

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8400")
KEY = base64.b64decode(os.environ["HOOK_SECRET"].removeprefix("whsec_"))
ACCESS_TTL = 900  # seconds that a token is good for, as in Portaria's settings

app = Flask(__name__)
app.config.update(
    JWT_ALGORITHM="ES256",
    JWT_DECODE_AUDIENCE=os.environ.get("AUDIENCE", "legacy"),
    JWT_DECODE_ISSUER=ISSUER,
)
tokens = JWTManager(app)
keys = PyJWKClient(ISSUER + "/.well-known/jwks.json", lifespan=300)


@tokens.decode_key_loader
def key_of(header, _claims):
    return keys.get_signing_key(header.get("kid")).key


def verified(headers, body):
    sent = headers.get("webhook-timestamp", "")
    if not re.fullmatch("[0-9]{1,12}", sent) or abs(time.time() - int(sent)) > 300:
        return False  # somebody replays an old one
    signed = f"{headers.get('webhook-id', '')}.{sent}.".encode() + body
    want = b"v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256))
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(want, one.encode()) for one in given)


@app.post("/portaria")
def portaria():
    if (request.content_length or 0) > 1 << 20:
        abort(413)  # whoever is not verified yet is not read for ever
    body = request.get_data()  # the bytes as they came: JSON that is written anew has another signature
    if not verified(request.headers, body):
        abort(401)
    event = request.get_json()
    if event["type"] == "session.ended":
        forget_session(event["data"]["session_id"])  # harmless when it is done twice
    print("heard of", event["type"], flush=True)
    return "", 204


ended = {}  # when the last token of a session expires; with several processes, in Redis


def forget_session(session):
    now = time.time()
    for old in [s for s, over in ended.items() if over < now]:
        del ended[old]
    ended[session] = now + ACCESS_TTL


@tokens.token_in_blocklist_loader
def is_ended(_header, claims):
    return claims.get("sid") in ended


@app.get("/orders")
@jwt_required()
def orders():
    return f"orders of {get_jwt_identity()}\n"
