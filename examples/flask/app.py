"""A Flask service that keeps its @jwt_required and takes tokens of Portaria."""

import os

from flask import Flask
from flask_jwt_extended import JWTManager, get_jwt_identity, jwt_required
from jwt import PyJWKClient, PyJWKClientError

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8400")

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


@app.errorhandler(PyJWKClientError)
def no_key(err):
    if isinstance(err.__context__, OSError):  # the keys could not be fetched
        return {"msg": "Tokens cannot be verified now"}, 503
    return {"msg": "Unknown key"}, 401


@app.get("/orders")
@jwt_required()
def orders():
    return f"orders of {get_jwt_identity()}\n"


@app.post("/transfers")
@jwt_required(fresh=True)
def transfers():
    return "", 204
