// The page: a tune goes in, harmonisations come out.
import { editing } from "./commands.js";
import { Editor } from "./editor.js";
import { listenForFiles, showPicture } from "./files.js";
import { History, keep, kept } from "./history.js";
import { listen } from "./keyboard.js";
import { Listening, playable } from "./listening.js";
import { MarkedNote } from "./marked.js";
import { makeSvg } from "./pictures.js";
import { Results } from "./results.js";
import { copy, save, saveGiven, showCommands } from "./saving.js";
import { options } from "./service.js";
import { Settings } from "./settings.js";
import { emptyTune, firstTune, requestOf } from "./tune.js";
import { counted, listed } from "./words.js";
import { Work } from "./working.js";
import { anew, another, written } from "./writing.js";

const byId = (id) => document.getElementById(id);

let offered = null;
let opening = null; // of a file that is being read, the promise whether it could be
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
const saveWork = new Work(byId("save-work"), byId("save-problem"), say);
const note = new MarkedNote({ results, work: scoreWork, say, sound: (midi) => listening.sound(midi) });

async function harmoniseTune() {
  // Who has dropped a file means its tune.
  if (opening && !(await opening)) return;
  const { tune } = history.present;
  if (!tune.sheet && !tune.notes.some(({ line }) => line !== null)) {
    tuneWork.complain(new Error("There is no note yet; click on the staff, or type letters from a to g."));
    byId("staff").focus({ preventScroll: true });
    return;
  }
  listening.stop();
  const pieces = await tuneWork.run("Writing the other voices", (watch) => written({ ...requestOf(tune), ...settings.value }, watch));
  if (!pieces?.length) return;
  editor.hear(tune, pieces[0].phrases);
  results.replace(pieces);
  byId("results").scrollIntoView({ block: "start" });
  byId("results").focus({ preventScroll: true });
  const { faults } = pieces[0];
  say(`Harmonised${pieces.length > 1 ? ` in ${pieces.length} ways` : ""}; ${counted(faults.length, "fault")}`);
}

async function writeAnother() {
  const { piece } = results;
  const made = await scoreWork.run("Writing another", (watch) => another(piece, settings.drawing, results.lastSeed + 1, watch));
  if (!made || !results.holds(piece)) return;
  listening.stop();
  results.add(made);
  say(`Another; ${counted(made.faults.length, "fault")}`);
}

async function writeAnew(label, piece, change) {
  const seed = results.lastSeed + 1;
  const made = await scoreWork.run(label, (watch) => anew(results.versions, results.held, change, settings.chosen, seed, watch));
  if (made === undefined || !results.holds(piece)) return;
  listening.stop();
  if (made) results.change(made, piece);
  say(made ? `Written anew; ${counted(made.faults.length, "fault")}` : "Nothing else fits here");
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
    if (tune.sheet && history.canUndo) byId("source").append(" ", wayBack());
  }
  byId("hear").hidden = Boolean(tune.sheet);
  byId("picture").hidden = !tune.sheet;
  if (tune.sheet && byId("picture").dataset.name !== tune.source.name) {
    byId("picture").dataset.name = tune.source.name;
    showPicture(byId("picture"), tune.source).catch((error) => tuneWork.complain(error));
  }
}

// Undo stands among the notes' buttons, which a file with several voices hides.
function wayBack() {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: "Back to the tune before" });
  button.addEventListener("click", () => {
    editor.undo();
    byId("staff").focus({ preventScroll: true });
  });
  return button;
}

function opened(tune) {
  listening.stop();
  tuneWork.complain(null);
  byId("picture").removeAttribute("data-name");
  history.set({ ...editing(tune), entering: false });
  say(tune.source ? `${tune.source.name} opened; ${tune.sheet ? listed(tune.sheet) : counted(tune.notes.length, "note")}` : "A new tune");
}

function open(name, read) {
  const reading = tuneWork.run(`Opening ${name}`, ({ signal }) => read(signal)).then((tune) => {
    if (opening === reading) opening = null;
    if (tune) opened(tune);
    return Boolean(tune);
  });
  opening = reading;
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
listenForFiles({ button: byId("open"), input: byId("file"), open, failed: (error) => tuneWork.complain(error) });

byId("another").addEventListener("click", writeAnother);
byId("rewrite").addEventListener("click", () => writeAnew(`Writing around ${listed(results.held)}`, results.piece, {}));
byId("play").addEventListener("click", () =>
  listening.toggle(results.piece, { button: byId("play"), light: (detail) => results.view.light(detail), range: results.view.chosen }));
results.addEventListener("bar", ({ detail: { piece, number } }) => writeAnew(`Writing ${number === "0" ? "the upbeat" : `bar ${number}`} anew`, piece, { bars: number }));
results.addEventListener("held", ({ detail: { voices } }) => {
  byId("holding").hidden = voices.length === 0;
  byId("held-told").textContent = voices.length ? `The ${listed(voices)} ${voices.length > 1 ? "are" : "is"} held.` : "";
});
results.addEventListener("shown", ({ detail: { piece } }) => {
  listening.stop();
  note.mark(null);
  listening.ready(piece);
  showCommands(piece.request);
  byId("another").textContent = results.full ? "Another in its place" : "Another";
});
results.addEventListener("failed", ({ detail: { error } }) => scoreWork.complain(error));

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
  byId("challenge").hidden = !all.challenge;
}, (error) => tuneWork.complain(error));
