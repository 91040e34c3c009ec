// The page: a tune goes in, harmonisations come out.
import { editing } from "./commands.js";
import { Editor } from "./editor.js";
import { listenForFiles, showPicture } from "./files.js";
import { harmonise } from "./harmonise.js";
import { History, keep, kept } from "./history.js";
import { Listening, playable } from "./listening.js";
import { Results } from "./results.js";
import { copy, save, saveGiven, showCommands } from "./saving.js";
import { ServiceError, checked, options, rendered } from "./service.js";
import { Settings } from "./settings.js";
import { emptyTune, firstTune, requestOf } from "./tune.js";
import { Work } from "./working.js";
import { neighbourOf, withPitch } from "./changing.js";
import { listen } from "./keyboard.js";
import { counted, listed, saidSung } from "./words.js";

const byId = (id) => document.getElementById(id);
const TRIES = 3; // seeds, until a bar comes out otherwise than it was

let offered = null;
let saying;

// Said after what a key press makes the reader say itself.
function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => (byId("said").textContent = text), 50);
}

const history = new History(editing(kept() ?? firstTune()));
const settings = new Settings(byId("settings"));
const listening = new Listening(() => offered);
const editor = new Editor(history, { say, sound: (midi) => listening.sound(midi) });
const results = new Results({ makeSvg, say });
const tuneWork = new Work(byId("work"), byId("problem"), say);
const scoreWork = new Work(byId("score-work"), byId("score-problem"), say);

// The picture that came with a piece has one width; others are engraved. On a phone smaller notes save half the systems.
const NARROWEST = 460;
const pictures = new WeakMap();
async function makeSvg(piece, room) {
  const width = Math.max(NARROWEST, room);
  const own = pictures.get(piece) ?? {};
  if (own.width !== width) {
    const { svg } = await rendered({ score: piece.musicxml, name: "score.musicxml", width });
    pictures.set(piece, { width, svg });
  }
  return pictures.get(piece).svg;
}

const scoreWidth = () => Math.round(Math.min(2000, Math.max(NARROWEST, byId("tune").clientWidth)));

// Asks for pieces; each keeps the request that made it and the voices that were given.
async function made(request, told, given = null) {
  const width = scoreWidth();
  const pieces = await harmonise({ ...request, width }, told);
  return pieces.map((piece) => {
    const lead = given ?? [...new Set(piece.notes.filter((note) => note.given).map(({ voice }) => voice))];
    const kept = { ...piece, request, lead };
    pictures.set(kept, { width, svg: piece.svg });
    return kept;
  });
}

async function harmoniseTune() {
  const { tune } = history.present;
  if (!tune.sheet && !tune.notes.some(({ line }) => line !== null)) {
    tuneWork.complain(new Error("There is no note yet; click on the staff, or type letters from a to g."));
    return;
  }
  listening.stop();
  const pieces = await tuneWork.run("Writing the other voices", (told) => made({ ...requestOf(tune), ...settings.value }, told));
  if (!pieces?.length) return;
  editor.hear(tune, pieces[0].phrases);
  results.replace(pieces);
  byId("results").scrollIntoView({ block: "start" });
  byId("results").focus({ preventScroll: true });
  const { faults } = pieces[0];
  say(`Harmonised${pieces.length > 1 ? ` in ${pieces.length} ways` : ""}; ${counted(faults.length, "fault")}`);
}

const drawing = () => ({ decoder: settings.drawing });

async function another() {
  const { piece } = results;
  const { num, ...request } = piece.base ?? piece.request;
  const asked = { ...request, ...drawing(), seed: results.lastSeed + 1 };
  const pieces = await scoreWork.run("Writing another", (told) => made(asked, told, piece.lead));
  if (!pieces?.length) return;
  listening.stop();
  results.add({ ...pieces[0], base: piece.base ?? piece.request });
  say(`Another; ${counted(pieces[0].faults.length, "fault")}`);
}

const voicesOf = ({ voices }) => JSON.stringify(voices);

// Writes a bar, or all voices that aren't held, anew: the piece itself is what is given.
async function anew(label, piece, change) {
  const given = [...new Set([...piece.lead, ...results.held])];
  const { style, layout, checkpoint, rules, label: below } = piece.request;
  const usual = JSON.parse(JSON.stringify({ style, layout, checkpoint, rules, label: below }));
  const hold = piece.changed?.length ? { hold: piece.changed } : {};
  const request = { score: piece.musicxml, name: "score.musicxml", voice: given.join(","), ...hold, ...change, ...usual, ...drawing() };
  const seed = results.lastSeed + 1;
  const other = await scoreWork.run(label, async (told) => {
    let last;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      [last] = await made({ ...request, seed: seed + attempt }, told, piece.lead);
      if (voicesOf(last) !== voicesOf(piece)) break;
    }
    return last;
  });
  if (!other) return;
  listening.stop();
  results.change({ ...other, base: piece.base ?? piece.request, changed: piece.changed });
  say(voicesOf(other) === voicesOf(piece) ? "Nothing else fits here" : `Written anew; ${counted(other.faults.length, "fault")}`);
}

let chosenNote = null; // the note of the score that is changed, {voice, from}
let pending = null; // its pitch that is asked for

const sung = () => results.piece?.notes.find(({ voice, from }) => voice === chosenNote?.voice && from === chosenNote.from);

function chooseNote(note) {
  results.view.light({ on: note?.ids ?? [], off: sung()?.ids ?? [] });
  pending = null;
  chosenNote = note && { voice: note.voice, from: note.from };
  byId("note-bar").hidden = !note;
  if (!note) return;
  byId("note-told").textContent = saidSung(results.piece, sung());
}

// A changed note is held from then on; the faults are looked for anew, and the merit isn't known.
async function changeNote(by, semitone) {
  const { piece } = results, note = sung();
  if (!note) return;
  const midi = neighbourOf(piece, pending ?? note.pitch, by, semitone);
  pending = midi;
  listening.sound(midi);
  const score = withPitch(piece, note, midi);
  if (score === null) {
    scoreWork.complain(new ServiceError("This note can't be changed here; save the score and change it in a notation program.", "invalid"));
    return;
  }
  const width = scoreWidth();
  const told = await scoreWork.run("Reading the score", ({ signal }) => checked({ score, name: "score.musicxml", width }, signal));
  if (!told) return;
  pending = null;
  const { request, lead, base, seed, decoder } = piece;
  const changed = [...(piece.changed ?? []).filter(([voice, from]) => voice !== note.voice || from !== note.from), [note.voice, note.from, note.to]];
  const made = { ...told, title: piece.title, request, lead, base, seed, decoder, changed, merit: null };
  pictures.set(made, { width, svg: told.svg });
  results.change(made);
  chooseNote(sung());
  say(`${saidSung(made, sung())}; ${counted(made.faults.length, "fault")}`);
}

const KEPT = {
  1: "This staff can't write all of its notes; they are kept as they stand.",
  2: "They are kept as they stand, and the others are written.",
  3: "They are kept as they stand, and the fourth is written.",
  4: "The soprano is kept, and the others are written anew.",
};

function showTune() {
  const { tune } = history.present;
  keep(tune);
  byId("source").hidden = tune.source === null;
  if (tune.source) {
    const name = tune.source.name;
    byId("source").textContent = tune.sheet
      ? `${name} holds ${listed(tune.sheet)}. ${KEPT[tune.sheet.length]}`
      : `From ${name}. Its words and repeats come back, as long as you don't change the notes.`;
  }
  byId("hear").hidden = Boolean(tune.sheet);
  byId("picture").hidden = !tune.sheet;
  if (tune.sheet && byId("picture").dataset.name !== tune.source.name) {
    byId("picture").dataset.name = tune.source.name;
    showPicture(byId("picture"), tune.source).catch((error) => tuneWork.complain(error));
  }
}

function opened(tune) {
  tuneWork.complain(null);
  byId("picture").removeAttribute("data-name");
  history.set({ ...editing(tune), entering: false });
  say(tune.source ? `${tune.source.name} opened; ${tune.sheet ? listed(tune.sheet) : counted(tune.notes.length, "note")}` : "A new tune");
}

function undone(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest("input:not([type=range], [type=checkbox])")) return;
  const key = event.key.toLowerCase();
  const redo = key === "y" || (key === "z" && event.shiftKey);
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  if (byId("results").contains(event.target)) results.step(redo ? 1 : -1);
  else if (redo) editor.redo();
  else editor.undo();
}

history.addEventListener("change", showTune);
showTune();

byId("harmonise").addEventListener("click", harmoniseTune);
byId("hear").addEventListener("click", () => {
  const { tune } = history.present;
  listening.toggle(playable(tune), { button: byId("hear"), light: (detail) => editor.staff.light(detail), tempo: listening.tempo });
});
byId("new").addEventListener("click", () => {
  opened({ ...emptyTune(), fifths: 0 });
  byId("staff").focus();
});
listenForFiles({ button: byId("open"), input: byId("file"), opened, failed: (error) => tuneWork.complain(error) });

byId("another").addEventListener("click", another);
byId("rewrite").addEventListener("click", () => anew(`Writing around ${listed(results.held)}`, results.piece, {}));
byId("play").addEventListener("click", () =>
  listening.toggle(results.piece, { button: byId("play"), light: (detail) => results.view.light(detail), range: results.view.chosen }));
results.addEventListener("bar", ({ detail: { piece, number } }) => anew(`Writing bar ${number} anew`, piece, { bars: number }));
results.view.selectable = true;
results.addEventListener("note", ({ detail }) => {
  chooseNote(detail);
  listening.sound(detail.pitch);
  byId("note-up").focus({ preventScroll: true });
});
for (const [id, by] of [["note-up", 1], ["note-down", -1]]) byId(id).addEventListener("click", () => changeNote(by, false));
byId("note-done").addEventListener("click", () => chooseNote(null));
byId("note-bar").addEventListener("keydown", (event) => {
  const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
  if (event.key === "Escape") chooseNote(null);
  if (by === undefined) return;
  event.preventDefault();
  changeNote(by, event.shiftKey);
});
results.addEventListener("held", ({ detail: { voices } }) => {
  byId("holding").hidden = voices.length === 0;
  byId("held-told").textContent = voices.length ? `The ${listed(voices)} ${voices.length > 1 ? "are" : "is"} held.` : "";
});
results.addEventListener("shown", ({ detail: { piece } }) => {
  listening.stop();
  byId("note-bar").hidden = true;
  listening.ready(piece);
  showCommands(piece.request);
  byId("another").textContent = results.full ? "Another in its place" : "Another";
});
results.addEventListener("failed", ({ detail: { error } }) => scoreWork.complain(error));

const saveWork = new Work(byId("save-work"), byId("save-problem"), say);
for (const button of document.querySelectorAll("[data-save]")) {
  button.addEventListener("click", () =>
    saveWork.run(`Preparing ${button.textContent}`, () => save(results.piece, button.dataset.save, listening.tempo)));
}
byId("save-given").addEventListener("click", () => saveWork.run("Preparing the music", () => saveGiven(results.piece.request)));
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const done = await copy(byId(button.dataset.copy).textContent);
    say(done ? "Copied" : "The browser doesn't allow copying; mark the text and copy it.");
    if (done) button.textContent = "Copied";
  });
}
document.addEventListener("keydown", undone);

let silence = null; // ends listening to a MIDI keyboard
byId("midi").hidden = !navigator.requestMIDIAccess;
byId("midi").addEventListener("click", async () => {
  tuneWork.complain(null);
  try {
    if (silence) silence = silence() ?? null;
    else silence = await listen(() => {}, (midi) => editor.take(midi));
    byId("midi").setAttribute("aria-pressed", String(silence !== null));
  } catch (error) {
    tuneWork.complain(error);
  }
});

options().then((all) => {
  offered = all;
  byId("file").accept = all.formats.join(",");
  settings.offer(all);
}, (error) => tuneWork.complain(error));
