// Calls of the service, but for harmonising: one place for addresses, the token and errors.

export const API = new URL("/api/v1/", location.href).href;
const TOKEN = new URLSearchParams(location.hash.slice(1)).get("token");

// Whether calls need a token, which isn't shown.
export const guarded = TOKEN !== null;

export class ServiceError extends Error {
  constructor(sentence, code) {
    super(sentence);
    this.code = code;
  }
}

const LOST = "bachlit doesn't answer any more; start “bachlit serve” again in a terminal, then try once more.";

async function called(path, options) {
  const headers = { ...options.headers, ...(TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {}) };
  let answer;
  try {
    answer = await fetch(API + path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(LOST, "lost");
  }
  if (answer.ok) return answer;
  const refusal = await answer.json().catch(() => ({ error: `bachlit answered with an error (${answer.status}); try once more.` }));
  throw new ServiceError(refusal.error, refusal.code);
}

export function posted(path, body, { accept = "application/json", signal } = {}) {
  const headers = { "Content-Type": "application/json", Accept: accept };
  return called(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

export const lost = () => new ServiceError(LOST, "lost");
export const options = async () => (await called("options", {})).json();
export const rendered = async (body, signal) => (await posted("render", body, { signal })).json();
export const checked = async (body, signal) => (await posted("check", body, { signal })).json();
export const saved = async (body, accept) => (await posted("render", body, { accept })).blob();
