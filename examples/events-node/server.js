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

const ended = new Set();

const server = createServer(async (request, response) => {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    if ((size += part.length) > maxBody) return response.writeHead(413).end();
    parts.push(part);
  }
  const body = Buffer.concat(parts); // the bytes as they came: JSON that is written anew has another signature
  if (!verified(request.headers, body)) return response.writeHead(401).end();
  const event = JSON.parse(body);
  console.log(`heard of ${event.type}`);
  if (event.type === "session.ended") ended.add(event.data.session_id); // harmless when it is done twice
  response.writeHead(204).end();
});
server.listen(process.env.PORT ?? 8500, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
