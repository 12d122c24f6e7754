// A service in Node that hears from Portaria who signed out.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.HOOK_SECRET.replace(/^whsec_/, ""), "base64");
const maxBody = 1 << 20;

function verified(headers, body) {
  const sent = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(sent) || Math.abs(Date.now() / 1000 - sent) > 300) return false; // somebody replays an old one
  const signed = createHmac("sha256", key).update(`${headers["webhook-id"]}.${sent}.`).update(body);
  const want = Buffer.from("v1," + signed.digest("base64"));
  return (headers["webhook-signature"] ?? "").split(" ")
    .map((one) => Buffer.from(one))
    .some((one) => one.length === want.length && timingSafeEqual(one, want));
}

async function hear(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    if ((size += part.length) > maxBody) throw new Error("the body is too large");
    parts.push(part);
  }
  const body = Buffer.concat(parts); // the bytes as they came: JSON that is written anew has another signature
  if (!verified(request.headers, body)) return 401;
  const event = JSON.parse(body);
  if (event.type === "session.ended") forgetSession(event.data.session_id); // harmless when it is done twice
  console.log(`heard of ${event.type}`);
  return 204;
}

const ended = new Set();

function forgetSession(session) {
  ended.add(session);
}

const server = createServer((request, response) => {
  hear(request).then((status) => response.writeHead(status).end()).catch(() => response.destroy());
});
server.listen(process.env.PORT ?? 8500, process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
