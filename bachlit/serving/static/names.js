// The voices' names at the left of the staves as buttons that hold a voice.

import { place } from "./bars.js";

const VOICES = ["soprano", "alto", "tenor", "bass"];

// Takes the parts of a drawing by id, the piece's notes, and share(rectangle), its place on the sheet.
export function nameButtons(svg, parts, notes, share, onVoice) {
  const group = document.createElement("div");
  group.className = "score-names";
  const onStaff = voicesOnStaves(parts, notes);
  const buttons = [];
  for (const system of svg.querySelectorAll("g.system")) {
    const staves = [...(system.querySelector("g.measure")?.querySelectorAll("g.staff") ?? [])].map(middle);
    for (const label of system.querySelectorAll("g.label, g.labelAbbr")) {
      const height = middle(label);
      const distances = staves.map((staff) => Math.abs(staff - height));
      const voices = onStaff.get(distances.indexOf(Math.min(...distances))) ?? [];
      const lines = [...label.querySelectorAll("tspan.text")].filter((line) => line.textContent.trim() !== "");
      // A name may take several lines; two voices of a staff have one each.
      const names = voices.length === 1 ? [label] : lines;
      if (names.length !== voices.length) continue;
      voices.forEach((voice, index) => buttons.push(button(voice, names[index], share, onVoice)));
    }
  }
  const seen = new Set();
  for (const { element, voice } of buttons) {
    // The first system's names are enough for the tab key.
    element.tabIndex = seen.has(voice) ? -1 : 0;
    seen.add(voice);
    group.append(element);
  }
  return { group, buttons };
}

function voicesOnStaves(parts, notes) {
  const onStaff = new Map();
  for (const voice of VOICES) {
    const note = notes.find((one) => one.voice === voice && parts.has(one.ids[0]));
    const staff = note && parts.get(note.ids[0]).closest("g.staff");
    if (!staff) continue;
    const number = [...staff.closest("g.measure").querySelectorAll("g.staff")].indexOf(staff);
    onStaff.set(number, [...(onStaff.get(number) ?? []), voice]);
  }
  return onStaff;
}

// Of a staff, the middle of its lines: its notes may reach far.
function middle(element) {
  const lines = element.querySelectorAll(":scope > path");
  const [first, last] = lines.length > 0 ? [lines[0], lines[lines.length - 1]] : [element, element];
  return (first.getBoundingClientRect().top + last.getBoundingClientRect().bottom) / 2;
}

function button(voice, name, share, onVoice) {
  const element = document.createElement("button");
  element.type = "button";
  element.className = "score-name";
  element.setAttribute("aria-label", `Hold the ${voice}`);
  element.title = `Hold the ${voice}`;
  place(element, share(name.getBoundingClientRect()));
  element.addEventListener("click", () => onVoice(voice));
  return { element, voice, name };
}
