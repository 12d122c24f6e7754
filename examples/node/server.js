// A service in Node that verifies access tokens with jose.
import { createServer } from "node:http";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const issuer = process.env.ISSUER ?? "http://127.0.0.1:8400";
const audience = process.env.AUDIENCE ?? "portaria";

const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), { cacheMaxAge: 300_000 });
const policy = { issuer, audience, typ: "at+jwt", algorithms: ["ES256"], requiredClaims: ["exp", "sub"] };

async function claimsOf(request) {
  const [scheme, token] = (request.headers.authorization ?? "").split(" ");
  if (scheme.toLowerCase() !== "bearer") throw new errors.JWTInvalid("no access token");
  return (await jwtVerify(token, keys, policy)).payload;
}

// Everything else, such as keys that cannot be fetched, is no fault of the token.
const refused = (err) => /^ERR_(JWT|JWS|JWKS_NO_MATCHING|JOSE_ALG|JOSE_NOT_SUPPORTED)/.test(err.code);

const server = createServer(async (request, response) => {
  try {
    const claims = await claimsOf(request);
    response.end(`orders of ${claims.sub}\n`);
  } catch (err) {
    console.error(`refused: ${err.code} ${err.message}`); // for the log alone
    if (refused(err)) response.setHeader("WWW-Authenticate", 'Bearer error="invalid_token"');
    response.writeHead(refused(err) ? 401 : 503).end();
  }
});
server.listen(process.env.PORT ?? 8500, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
