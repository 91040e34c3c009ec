// Faults as numbers above their notes, as a critical edition marks its readings; what they mean is shown beside them.

import { place } from "./bars.js";

// Takes faults with the boxes of their noteheads; the numbers are their places in the list, from 1.
export function faultMarks(faults, boxesOf, onFault) {
  const group = document.createElement("div");
  group.className = "score-marks";
  const word = document.createElement("div");
  word.className = "score-word";
  word.hidden = true;
  const taken = new Map();
  faults.forEach((fault, index) => {
    const boxes = boxesOf(fault);
    if (boxes.length === 0) return;
    const box = first(boxes);
    // Several faults of one note stand side by side.
    const spot = `${box.left.toFixed(3)} ${box.top.toFixed(3)}`;
    const beside = taken.get(spot) ?? 0;
    taken.set(spot, beside + 1);
    group.append(mark(fault, index + 1, box, beside, word, onFault));
  });
  group.append(word);
  return group;
}

// The notehead that is marked: of those that come first, the highest.
function first(boxes) {
  const system = Math.min(...boxes.map((box) => box.system));
  const here = boxes.filter((box) => box.system === system);
  const left = Math.min(...here.map((box) => box.left));
  return here.filter((box) => box.left < left + box.width).reduce((best, box) => (box.top < best.top ? box : best));
}

function mark(fault, number, box, beside, word, onFault) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "score-mark";
  button.textContent = String(number);
  button.setAttribute("aria-label", `${number}: ${fault.title}, bar ${fault.bar}, ${fault.voices.join(" and ")}. ${fault.why}`);
  place(button, { left: box.left + box.width / 2, top: box.top });
  button.style.setProperty("--beside", String(beside));
  const show = () => explain(word, fault, box);
  const hide = () => {
    word.hidden = true;
  };
  button.addEventListener("mouseenter", show);
  button.addEventListener("focus", show);
  button.addEventListener("mouseleave", hide);
  button.addEventListener("blur", hide);
  button.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  button.addEventListener("click", () => onFault(fault));
  return button;
}

function explain(word, fault, box) {
  const title = document.createElement("strong");
  title.textContent = fault.title;
  word.replaceChildren(title, ` ${fault.why}`);
  word.hidden = false;
  // Beside the mark, towards the page's middle.
  const right = box.left > 0.5;
  word.style.left = right ? "auto" : `${100 * box.left}%`;
  word.style.right = right ? `${100 * (1 - box.left)}%` : "auto";
  word.style.top = `${100 * (box.top + box.height)}%`;
}
