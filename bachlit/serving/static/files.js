// Files with a tune: chosen, dropped or pasted; the service tells what is in them.
import { drawing } from "./drawing.js";
import { ServiceError, rendered } from "./service.js";
import { emptyTune, tuneOf } from "./tune.js";

const MOST_BYTES = 1.5 * 2 ** 20; // a body has 2 MiB, and base64 takes a third more

// Text goes as text, so that it can be read in the command line's example; all else as base64.
function bodyOf(bytes, name) {
  try {
    const score = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!score.includes("\0")) return { score, name };
  } catch { /* No text in UTF-8. */ }
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return { score_base64: btoa(binary), name };
}

// Gives the tune of a file; one that the staff can't show has `sheet`, and is engraved instead.
async function tuneFrom(bytes, name, signal) {
  if (!bytes.length) throw new ServiceError(`${name} is empty; choose another file.`, "invalid");
  if (bytes.length > MOST_BYTES) throw new ServiceError(`${name} is larger than 1.5 MB; choose a single piece.`, "too_large");
  const body = bodyOf(bytes, name);
  const piece = await rendered(body, signal);
  const source = { name, body };
  return tuneOf(piece, source) ?? { ...emptyTune(), title: piece.title, source, sheet: Object.keys(piece.voices) };
}

function nameOfText(text) {
  const start = text.trimStart();
  if (start.startsWith("<")) return start.includes("<mei") ? "pasted.mei" : "pasted.musicxml";
  if (start.startsWith("**") || start.startsWith("!!!")) return "pasted.krn";
  return /^[A-Z]:/m.test(start) ? "pasted.abc" : null;
}

const isField = (target) => target instanceof Element && target.closest("input, textarea, select") !== null;

// Calls open(name, read) with each file that comes, where read(signal) promises its tune; or failed(error).
export function listenForFiles({ button, input, open, failed }) {
  const openBytes = (bytes, name) => open(name, async (signal) => tuneFrom(new Uint8Array(await bytes), name, signal));
  const openFile = (file) => openBytes(file.arrayBuffer(), file.name);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) openFile(input.files[0]);
    input.value = "";
  });
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files") && !event.dataTransfer.types.includes("text/plain")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget ?? document.body.classList.remove("dropping"));
  const take = (transfer) => {
    if (transfer.files.length) return openFile(transfer.files[0]), true;
    const text = transfer.getData("text/plain");
    const name = nameOfText(text);
    return name === null ? false : (openBytes(new TextEncoder().encode(text), name), true);
  };
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    event.preventDefault();
    if (!take(event.dataTransfer)) failed(new ServiceError("That is no score; drop a file in MusicXML, MIDI, ABC, kern or MEI.", "invalid"));
  });
  document.addEventListener("paste", (event) => {
    if (isField(event.target)) return;
    if (take(event.clipboardData)) event.preventDefault();
    else failed(new ServiceError("What was pasted is no tune; paste ABC, MusicXML, kern or MEI.", "invalid"));
  });
}

// Engraves a file that the staff can't show.
export async function showPicture(element, source) {
  const width = Math.round(Math.min(2000, Math.max(300, element.parentElement.clientWidth)));
  const { svg } = drawing((await rendered({ ...source.body, width })).svg);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Score of ${source.name}`);
  const sheet = document.createElement("div");
  sheet.className = "score-sheet";
  sheet.append(svg);
  element.replaceChildren(sheet);
}
