// What is asked for: a tune's first pieces, another one, a bar or voices anew.
// Pieces keep the request that made them, `base`, the one of their tune, `lead`, the voices that were given, and
// `changed`, the stretches of single notes that were changed by hand.
import { harmonise } from "./harmonise.js";
import { keepPicture, widthOf } from "./pictures.js";

const TRIES = 3; // seeds, until a bar comes out otherwise than it was

export async function written(request, told, { lead, base, changed } = {}) {
  const width = widthOf(document.getElementById("tune"));
  const pieces = await harmonise({ ...request, width }, told);
  return pieces.map((piece) => {
    const given = [...new Set(piece.notes.filter((note) => note.given).map(({ voice }) => voice))];
    const kept = { ...piece, request, lead: lead ?? given, base: base ?? request, changed: changed ?? [] };
    keepPicture(kept, width, piece.svg);
    return kept;
  });
}

export async function another({ base, lead }, drawing, seed, told) {
  const { num, decoder, temperature, ...request } = base;
  const [piece] = await written({ ...request, ...drawing, seed }, told, { lead, base });
  return piece;
}

export const isSame = (one, other) => JSON.stringify(one.voices) === JSON.stringify(other.voices);

// Writes bars, or all voices but those held, anew: the piece itself is what is given.
export async function anew(piece, held, change, drawing, seed, told) {
  const { style, layout, label, checkpoint, rules, phrases } = piece.base;
  const usual = Object.fromEntries(Object.entries({ style, layout, label, checkpoint, rules, phrases }).filter(([, value]) => value !== undefined));
  const voice = [...new Set([...piece.lead, ...held])].join(",");
  const hold = piece.changed.length ? { hold: piece.changed } : {};
  const request = { score: piece.musicxml, name: "score.musicxml", voice, ...hold, ...change, ...usual, ...drawing };
  let other = piece;
  for (let attempt = 0; attempt < TRIES && isSame(other, piece); attempt++) {
    [other] = await written({ ...request, seed: seed + attempt }, told, piece);
  }
  return other;
}
