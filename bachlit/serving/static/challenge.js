// The listening test: a session, its questions one after another, both clips heard before an answer.

const KEPT = "bachlit challenge";
const TASKS = {
  harmonisation: ["One melody, twice", "Both clips have the same melody. One is as Bach harmonised it."],
  composition: ["Two chorales", "Two different chorales. One is by Bach, the other was composed from nothing."],
};
const SIDES = [0, 1];
const PREPARING = 5000; // milliseconds until the next try

const at = (id) => document.getElementById(id);
let session = null;
let question = null;
let settled = false; // whether the answer to it is kept
let players = [];
let heard = [false, false];

class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function post(path, body) {
  const answer = await fetch(`/challenge/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content.error || `The server answered ${answer.status}.`);
  return content;
}

// Only what changes is written: screen readers would read the rest again.
function write(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

function tell(sentence) {
  write("message", sentence);
}

function show(name) {
  for (const one of ["begin", "question", "end"]) at(one).hidden = one !== name;
}

function remember(name) {
  session = name;
  try {
    if (name) sessionStorage.setItem(KEPT, name);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Where nothing may be stored, a reload begins anew.
  }
}

function remembered() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

// What failed is tried again by the listener, unless the session is gone.
function failed(error) {
  if (error.status === 404) {
    restart();
    tell("Your session has ended; please begin anew.");
  } else {
    tell(error instanceof Refused ? error.message : "The server can’t be reached; try again.");
  }
}

function restart() {
  silence();
  remember(null);
  question = null;
  show("begin");
}

async function begin(event) {
  event.preventDefault();
  const form = event.target;
  const { age, experience } = Object.fromEntries(new FormData(form));
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    remember((await opened({ age, experience })).session);
    await next();
  } catch (error) {
    failed(error);
  } finally {
    button.disabled = false;
  }
}

// Waits while clips are being prepared.
async function opened(listener) {
  for (;;) {
    try {
      return await post("session", listener);
    } catch (error) {
      if (error.status !== 503) throw error;
      tell(error.message);
      await new Promise((later) => setTimeout(later, PREPARING));
    }
  }
}

async function next() {
  const put = await post("question", { session });
  if (put.done) return finish(put);
  tell("Loading the clips …");
  const sounds = await Promise.all(put.clips.map(sound));
  silence();
  question = put.question;
  settled = false;
  heard = [false, false];
  players = sounds.map(player);
  at("number").textContent = `${put.number} of ${put.of}`;
  at("done").max = put.of;
  at("done").value = put.number - 1;
  [at("task").textContent, at("explained").textContent] = TASKS[put.task];
  at("answer").reset();
  for (const side of SIDES) update(side);
  ready();
  show("question");
  tell("");
  at("number").focus();
}

async function sound(clip) {
  const answer = await fetch(`/challenge/clip/${encodeURIComponent(clip)}`);
  if (!answer.ok) throw new Refused(answer.status, "A clip couldn’t be loaded; try again.");
  return URL.createObjectURL(await answer.blob());
}

function player(url, side) {
  const audio = new Audio(url);
  audio.addEventListener("ended", () => {
    heard[side] = true;
    ready();
  });
  for (const event of ["play", "pause", "ended", "timeupdate"]) audio.addEventListener(event, () => update(side));
  return audio;
}

function silence() {
  for (const audio of players) {
    audio.pause();
    URL.revokeObjectURL(audio.src);
  }
  players = [];
}

function toggle(side) {
  const audio = players[side];
  if (!audio) return;
  if (!audio.paused) return audio.pause();
  players[1 - side].pause();
  audio.play().catch(() => tell("This browser can’t play the clip; try another."));
}

function update(side) {
  const audio = players[side];
  if (!audio) return;
  const name = "AB"[side];
  const playing = !audio.paused && !audio.ended;
  write(`play-${side}`, `${playing ? "Pause" : "Play"} ${name}`);
  at(`play-${side}`).closest(".clip").classList.toggle("playing", playing);
  at(`time-${side}`).value = audio.ended ? 1 : audio.currentTime / audio.duration || 0;
  write(`heard-${side}`, heard[side] ? "heard to the end" : "not heard to the end yet");
}

function ready() {
  const both = heard[0] && heard[1];
  at("choices").disabled = !both;
  write("hint", both ? "You have heard both." : "Hear both clips to the end to answer.");
  for (const side of SIDES) update(side);
}

async function answer(event) {
  event.preventDefault();
  const form = event.target;
  const choice = Number(new FormData(form).get("choice"));
  const known = form.elements.known.checked;
  at("choices").disabled = true;
  try {
    if (!settled) await post("answer", { session, question, choice, known });
    settled = true;
    await next();
  } catch (error) {
    // An answer whose receipt was lost may be kept already: only the server knows which question is next.
    settled ||= error.status === 422;
    at("choices").disabled = false;
    failed(error);
  }
}

function finish({ right, num }) {
  silence();
  remember(null);
  at("verdict").textContent = `You found Bach in ${right} of ${num} pairs.`;
  show("end");
  tell("");
  at("verdict").focus();
}

at("listener").addEventListener("submit", begin);
at("answer").addEventListener("submit", answer);
at("again").addEventListener("click", () => {
  at("listener").reset();
  restart();
});
for (const side of SIDES) at(`play-${side}`).addEventListener("click", () => toggle(side));

const going = remembered();
if (going) {
  session = going;
  next().catch(failed);
}
