// What the page asks of the server: addresses, JSON, the token where one is wanted.

const TOKEN = "sonant-token";

export class Unauthorised extends Error {}

/** An address of this server, also behind a proxy that serves it under a folder. */
export function address(path) {
  return new URL(path, document.baseURI);
}

/** Kept until the tab is closed, and sent nowhere but to this server. */
export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** The answer to a request, read as JSON; throws an `Error` whose message a person can read. */
export async function ask(path, { body } = {}) {
  return (await send(path, body)).json();
}

/** The answer to a request as bytes. */
export async function bytesOf(path) {
  return (await send(path)).arrayBuffer();
}

/** Where the live audio of a version goes; a browser cannot set headers on a WebSocket. */
export function streamAddress(name, version) {
  const place = address(`v1/models/${encodeURIComponent(name)}/versions/${version}/stream`);
  place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
  const token = sessionStorage.getItem(TOKEN);
  if (token) place.searchParams.set("access_token", token);
  return place;
}

async function send(path, body) {
  const headers = {};
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.authorization = `Bearer ${token}`;
  const options = { headers };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  let reply;
  try {
    reply = await fetch(address(path), options);
  } catch {
    throw new Error("The server does not answer.");
  }
  if (reply.ok) return reply;
  const said = await reply.json().catch(() => ({}));
  const text = said.error ?? `The server answered ${reply.status}.`;
  throw reply.status === 401 ? new Unauthorised(text) : new Error(text);
}
