// Plays a tab of a browser for session.js: it keeps cookies, as Node does not.
import assert from "node:assert/strict";

const origin = process.argv[2];
const jar = new Map();
const kept = new Map();
globalThis.localStorage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, value) => kept.set(name, value),
  removeItem: (name) => kept.delete(name),
};
const plain = globalThis.fetch;
const asked = [];
let held = Promise.resolve(); // what a refresh waits for
globalThis.fetch = async (path, options = {}) => {
  asked.push(path);
  if (path === "/v1/refresh") await held;
  const cookies = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
  const headers = { ...options.headers, "Sec-Fetch-Site": "same-origin", ...(cookies && { Cookie: cookies }) };
  const response = await plain(origin + path, { ...options, headers });
  for (const line of response.headers.getSetCookie()) {
    assert.match(line, /^__Host-portaria-\w+=.*; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=Strict$/);
    const [, name, value, age] = line.match(/^([^=]+)=([^;]*);.*Max-Age=(\d+)/);
    if (age === "0") jar.delete(name);
    else jar.set(name, value);
  }
  return response;
};

const { signIn, refresh, call, wantsProof, prove, signOut } = await import("./session.js");

await assert.rejects(signIn("ana", "wrong"), { code: "invalid_credentials" });
const answer = await signIn("ana", "correct horse battery");
assert.equal(answer.access_token ?? "", "");
const session = ["__Host-portaria-access", "__Host-portaria-refresh"], device = "__Host-portaria-device";
assert.deepEqual([...jar.keys()].sort(), [session[0], device, session[1]]);
assert.equal((await call("/v1/me")).status, 200);

// The access cookie is gone at the end of its time: many calls, one refresh.
jar.delete("__Host-portaria-access");
asked.length = 0;
const inPage = globalThis.fetch;
let refused = 0;
held = new Promise((go) => {
  globalThis.fetch = async (...args) => {
    const response = await inPage(...args);
    if (response.status === 401 && ++refused === 3) setTimeout(go); // after all three have asked for a refresh
    return response;
  };
});
for (const response of await Promise.all([call("/v1/me"), call("/v1/me"), call("/v1/me")])) {
  assert.equal(response.status, 200);
}
assert.equal(asked.filter((path) => path === "/v1/refresh").length, 1);

// Ending other sessions asks for a recent proof of the password.
const endOthers = () =>
  call("/v1/sessions/end", { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"which":"others"}' });
assert.ok(wantsProof(await endOthers()));
await prove("correct horse battery");
assert.equal((await endOthers()).status, 200);

await signOut();
assert.deepEqual([...jar.keys()], [device]); // it signs nobody in, and the next sign-in shows it
assert.equal(kept.size, 0);
await assert.rejects(refresh());
