// Faults as numbers above their notes, as a critical edition marks its readings; what they mean is shown beside them.

import { place } from "./bars.js";

// Takes faults and the boxes of a fault's notes; the numbers are their places in the list, from 1.
export function faultMarks(faults, boxesOf) {
  const group = document.createElement("div");
  group.className = "score-marks";
  const word = new Word();
  const taken = new Map();
  faults.forEach((fault, index) => {
    const boxes = boxesOf(fault);
    if (boxes.length === 0) return;
    const box = first(boxes);
    // Several faults of one note stand side by side.
    const spot = `${box.left.toFixed(3)} ${box.top.toFixed(3)}`;
    const beside = taken.get(spot) ?? 0;
    taken.set(spot, beside + 1);
    group.append(mark(fault, index + 1, box, beside, word));
  });
  group.append(word.element);
  return group;
}

// The note that is marked: of those that come first, the highest.
function first(boxes) {
  const system = Math.min(...boxes.map((box) => box.system));
  const here = boxes.filter((box) => box.system === system);
  const left = Math.min(...here.map((box) => box.left));
  return here.filter((box) => box.left < left + box.width).reduce((best, box) => (box.top < best.top ? box : best));
}

function mark(fault, number, box, beside, word) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "score-mark";
  button.textContent = String(number);
  const where = [String(fault.bar) === "0" ? "upbeat" : `bar ${fault.bar}`, fault.voices.join(" and ")].filter(Boolean).join(", ");
  button.setAttribute("aria-label", `${number}: ${fault.title}, ${where}. ${fault.why}`);
  place(button, { left: box.left + box.width / 2, top: box.top });
  button.style.setProperty("--beside", String(beside));
  const show = () => word.show(fault, box);
  for (const type of ["mouseenter", "focus"]) button.addEventListener(type, show);
  button.addEventListener("mouseleave", () => word.leave());
  button.addEventListener("blur", () => word.hide());
  button.addEventListener("keydown", (event) => event.key === "Escape" && word.hide());
  button.addEventListener("click", show); // a finger doesn't hover, and not all browsers focus what it taps
  return button;
}

// What a fault is, beside its mark.
class Word {
  element = document.createElement("div");
  #leaving;

  constructor() {
    this.element.className = "score-word";
    this.element.addEventListener("mouseenter", () => clearTimeout(this.#leaving));
    this.element.addEventListener("mouseleave", () => this.leave());
    this.hide();
  }

  show(fault, box) {
    clearTimeout(this.#leaving);
    const title = document.createElement("strong");
    title.textContent = fault.title;
    this.element.replaceChildren(title, ` ${fault.why}`);
    // Towards the page's middle.
    const { style } = this.element;
    const right = box.left > 0.5;
    style.left = right ? "auto" : `${100 * box.left}%`;
    style.right = right ? `${100 * (1 - box.left)}%` : "auto";
    style.top = `${100 * (box.top + box.height)}%`;
    this.element.hidden = false;
  }

  hide() {
    clearTimeout(this.#leaving);
    this.element.hidden = true;
  }

  // Hides it, unless the mouse goes from the mark to the word.
  leave() {
    this.#leaving = setTimeout(() => this.hide(), 150);
  }
}
