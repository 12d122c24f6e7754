// A page that signs people in with Portaria on its own origin. The tokens are in
// cookies that no script can read; all that a page holds is the csrf value.
let refreshing = null;

const csrf = () => localStorage.getItem("csrf") ?? "";

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf() },
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.title), answer);
  return answer;
}

// keep remembers the csrf value for every tab: it is the session's.
function keep(answer) {
  localStorage.setItem("csrf", answer.csrf);
  return answer;
}

export async function signIn(identifier, password) {
  return keep(await post("/v1/login", { identifier, password, delivery: "cookie" }));
}

// refresh is shared: what this page does at once waits for the same answer.
export function refresh() {
  refreshing ??= post("/v1/refresh", {}).then(keep).finally(() => (refreshing = null));
  return refreshing;
}

// call is fetch for the page's own API. An access token that has expired is
// refreshed, once; an error of that means: sign in again. Where Portaria asks for
// a recent proof of the password, a refresh does not help: see prove.
export async function call(path, options = {}) {
  const send = () =>
    fetch(path, { ...options, headers: { ...options.headers, "X-CSRF-Token": csrf() } });
  const response = await send();
  if (response.status !== 401 || wantsProof(response)) return response;
  await refresh();
  return send();
}

export const wantsProof = (response) =>
  (response.headers.get("WWW-Authenticate") ?? "").includes("insufficient_user_authentication");

// prove has the person type the password again: for five minutes, other sessions
// can be ended.
export async function prove(password) {
  return keep(await post("/v1/step-up", { password }));
}

export async function signOut() {
  await post("/v1/logout");
  localStorage.removeItem("csrf");
}
