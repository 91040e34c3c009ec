// Saving and copying: files of a piece, and the commands that write the same.
import { API, guarded, saved } from "./service.js";
import { commandLine, curlLine } from "./words.js";

const TYPES = { mid: "audio/midi", pdf: "application/pdf", wav: "audio/wav", musicxml: "application/vnd.recordare.musicxml+xml" };

const fileName = (title) =>
  title.normalize("NFKD").replace(/[^\w\s-]/g, "").trim().toLowerCase().replace(/[\s_]+/g, "_").slice(0, 60) || "tune";

function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

// Saves a piece as a file with this ending.
export async function save(piece, ending, tempo) {
  const name = `${fileName(piece.title)}-harmonized.${ending}`;
  const type = TYPES[ending];
  if (ending === "musicxml") return download(new Blob([piece.musicxml], { type }), name);
  if (ending === "mid") return download(new Blob([bytesOf(piece.midi)], { type }), name);
  const body = { score: piece.musicxml, name: "score.musicxml" };
  return download(await saved(ending === "wav" && tempo ? { ...body, tempo } : body, type), name);
}

// The name under which the commands expect what was given.
const givenName = ({ name, title }) => name ?? `${fileName(title ?? "")}.musicxml`;

// Saves what a piece was made from, as the command line needs it.
export async function saveGiven(request) {
  const name = givenName(request);
  if (request.score !== undefined) return download(new Blob([request.score], { type: "text/plain" }), name);
  if (request.score_base64 !== undefined) return download(new Blob([bytesOf(request.score_base64)]), name);
  const { notes, voices, division, fifths, metre, pickup, title } = request;
  const body = { notes, voices, division, fifths, metre, pickup, title };
  return download(await saved(body, TYPES.musicxml), name);
}

export function showCommands(request) {
  document.getElementById("command-line").textContent = request.hold
    ? "Single notes can't be held by the command line; take curl."
    : commandLine(request, givenName(request));
  document.getElementById("curl-line").textContent = curlLine(`${API}harmonize`, request, guarded);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
