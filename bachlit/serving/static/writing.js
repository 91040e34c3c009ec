// What is asked for: a tune's first pieces, another one, a bar or voices anew.
// Pieces keep the request that made them, `base`, the one of their tune, `lead`, the voices that were given, and
// `changed`, the stretches of single notes that were changed by hand.
import { harmonise } from "./harmonise.js";
import { keepPicture, widthOf } from "./pictures.js";

// Ways to write bars anew, until one of them wasn't there before: a search, which is good and quick and always finds the
// same; its second; then draws, of which the one of most merit counts.
const DRAWS = { decoder: "Sampling", num: 3 };
const WAYS = [{}, { num: 2 }, DRAWS, DRAWS];

export async function written(request, watch, { lead, base, changed } = {}) {
  const width = widthOf(document.getElementById("tune"));
  const pieces = await harmonise({ ...request, width }, watch);
  return pieces.map((piece) => {
    const given = [...new Set(piece.notes.filter((note) => note.given).map(({ voice }) => voice))];
    const kept = { ...piece, request, lead: lead ?? given, base: base ?? request, changed: changed ?? [] };
    keepPicture(kept, width, piece.svg);
    return kept;
  });
}

export async function another({ base, lead }, drawing, seed, watch) {
  const { num, decoder, temperature, ...request } = base;
  const [piece] = await written({ ...request, ...drawing, seed }, watch, { lead, base });
  return piece;
}

const isSame = (one, other) => JSON.stringify(one.voices) === JSON.stringify(other.voices);

// Writes bars, or all voices but those held, anew: the piece itself is what is given. Of `versions`, the ones before it
// and it, none comes again if there is another. `chosen` is the decoder of the user's choice, if any.
export async function anew(versions, held, change, chosen, seed, watch) {
  const piece = versions.at(-1);
  const { style, beat, layout, label, checkpoint, rules, phrases } = piece.base;
  const usual = Object.fromEntries(Object.entries({ style, beat, layout, label, checkpoint, rules, phrases }).filter(([, value]) => value !== undefined));
  const voice = [...new Set([...piece.lead, ...held])].join(",");
  const hold = piece.changed.length ? { hold: piece.changed } : {};
  const request = { score: piece.musicxml, name: "score.musicxml", voice, ...hold, ...change, ...usual };
  for (const [attempt, way] of (chosen ? WAYS.map(() => chosen) : WAYS).entries()) {
    const pieces = await written({ ...request, ...way, seed: seed + attempt }, watch, piece);
    const other = pieces.find((one) => !versions.some((version) => isSame(one, version)));
    if (other) return other;
  }
  return null;
}
