"""A service in Python that verifies access tokens with PyJWT."""

import os
import sys
from wsgiref.simple_server import make_server

import jwt

ISSUER = os.environ.get("ISSUER", "http://127.0.0.1:8400")
AUDIENCE = os.environ.get("AUDIENCE", "portaria")

keys = jwt.PyJWKClient(ISSUER + "/.well-known/jwks.json", lifespan=300)


def claims_of(header):
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise jwt.InvalidTokenError("no access token")
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["ES256"],
        audience=AUDIENCE,
        issuer=ISSUER,
        options={"require": ["exp", "iss", "aud", "sub"]},
    )


def app(environ, start_response):
    try:
        claims = claims_of(environ.get("HTTP_AUTHORIZATION", ""))
    except jwt.PyJWTError as err:
        if isinstance(err.__context__, OSError):  # the keys could not be fetched: the token may be good
            print(f"cannot verify: {err}", file=sys.stderr)
            start_response("503 Service Unavailable", [("Retry-After", "5")])
            return []
        print(f"refused: {type(err).__name__}: {err}", file=sys.stderr)  # for the log alone
        start_response("401 Unauthorized", [("WWW-Authenticate", 'Bearer error="invalid_token"')])
        return []
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"orders of {claims['sub']}\n".encode()]


if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8500")), app) as server:
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
