"use strict";

// The page of the map: which photos are on it and in the table, and what is decided on them.
// map_canvas.js draws them.

/** @type {MapData} */
const data = JSON.parse(part(document, "#data").textContent);
const { points, classes, decided, folder, side } = data;
const number = points.names.length;

const MOST_UNASKED = 50; // Photos that are decided on at once without a question.
const CHUNK = 50; // Rows of the table that are added at once.
const COLOURS = 6; // --dot-1 to --dot-6 in report.css.
/** @type {Shape[]} */
const SHAPE_NAMES = ["disc", "square", "diamond", "triangle"];
/** Whether a label fits; null where the photo has no neighbours. */
const FITS = [true, false, null];
const FIT_WORDS = ["yes", "no", "unknown"];

/** The classes of the photos on the map, in the order of the legend. */
const onMap = [...new Set(points.labels)].sort((a, b) => a - b);
const placeInLegend = new Map(onMap.map((label, place) => [label, place]));
/** @type {Look[]} */
const LOOKS_OF_CLASSES = SHAPE_NAMES.flatMap((shape) =>
  Array.from({ length: COLOURS }, (_, n) => ({ colour: `--dot-${n + 1}`, shape, grown: 1 })),
);
/** @type {Look[]} */
const LOOKS_OF_FITS = [
  { colour: "--dot-1", shape: "disc", grown: 1 },
  { colour: "--wrong", shape: "diamond", grown: 1.4 },
  { colour: "--soft", shape: "square", grown: 1 },
];
/** @type {Look} */
const FAINT = { colour: "--line", shape: "disc", grown: 1 }; // Of points outside the selection.

/** @type {Set<number>} */
const hiddenClasses = new Set();
const picked = new Uint8Array(number); // Which photos are decided on together.
/** @type {Set<number> | null} */
let selection = null; // What was selected on the map; null where nothing was.
/** @type {number[]} */
let listed = []; // The photos of the table, in its order.
let sorted = { by: "name", down: false };
/** @type {number[]} */
let album = []; // The photos that the large view goes through,
/** @type {HTMLElement | null} */
let cameFrom = null; // and what has the focus after it.

const rows = part(document, ".atlas-list tbody");
const forAll = part(document, ".for-all", HTMLFormElement);
const theirClass = part(forAll, "[name=class]", HTMLInputElement);
const sure = part(forAll, ".sure");
const pickAll = part(document, '[data-do="pick-all"]', HTMLInputElement);
const collator = new Intl.Collator("en", { numeric: true });

/** @param {number} point */
function classOf(point) {
  return classes[points.labels[point]];
}

/** @param {number} point */
function fitWords(point) {
  return FIT_WORDS[FITS.indexOf(points.fits[point])];
}

/**
 * Return the class that a photo looks like where that is not its own, or null.
 * @param {number} point
 */
function otherClassOf(point) {
  const voted = points.voted[point];
  return voted === null || points.fits[point] ? null : classes[voted];
}

/** @param {number} point */
function fitSentence(point) {
  if (points.fits[point] === null) return "it has no neighbours";
  const other = otherClassOf(point);
  return other === null ? "its neighbours agree" : `looks like ${other}`;
}

/** @param {string} name */
function fieldValue(name) {
  return /** @type {HTMLInputElement | HTMLSelectElement} */ (part(document, `[name="${name}"]`)).value;
}

/** @param {string} name */
function chosen(name) {
  return part(document, `[name="${name}"]:checked`, HTMLInputElement).value;
}

// ---- Which photos are shown

/** Return the photos that the legend and the filters leave. */
function shownPoints() {
  const fits = fieldValue("fits");
  const search = fieldValue("search").trim().toLowerCase();
  return points.names.flatMap((name, point) => {
    const isHidden =
      hiddenClasses.has(points.labels[point]) ||
      (fits && fits !== fitWords(point)) ||
      (search && !name.toLowerCase().includes(search));
    return isHidden ? [] : [point];
  });
}

/** Show what the filters, the selection and the order ask for. */
function renew() {
  const shown = shownPoints();
  listed = selection ? shown.filter((point) => selection?.has(point)) : [...shown];
  sortListed();
  const byFits = chosen("colour") === "fits";
  atlas.looks = [...(byFits ? LOOKS_OF_FITS : LOOKS_OF_CLASSES), FAINT];
  for (const point of shown) atlas.lookOf[point] = lookOf(point, byFits);
  // What matters is drawn last: the selection, and labels that do not fit.
  /** @param {number} point */
  const height = (point) =>
    (selection?.has(point) ? 2 : 0) + (byFits && points.fits[point] === false ? 1 : 0);
  atlas.order = Int32Array.from(shown.sort((a, b) => height(a) - height(b)));
  showLegend(byFits);
  showList();
  redraw();
}

/** @param {number} point @param {boolean} byFits */
function lookOf(point, byFits) {
  if (selection && !selection.has(point)) return atlas.looks.length - 1;
  if (byFits) return FITS.indexOf(points.fits[point]);
  return (placeInLegend.get(points.labels[point]) ?? 0) % LOOKS_OF_CLASSES.length;
}

function sortListed() {
  const { by, down } = sorted;
  /** @type {Record<string, (a: number, b: number) => number>} */
  const orders = {
    name: () => 0,
    class: (a, b) => points.labels[a] - points.labels[b],
    fits: (a, b) => collator.compare(fitWords(a), fitWords(b)),
  };
  const sign = down ? -1 : 1;
  listed.sort((a, b) => sign * (orders[by](a, b) || collator.compare(points.names[a], points.names[b])));
}

/** @param {number[]} found */
function select(found) {
  selection = new Set(found);
  picked.fill(0);
  for (const point of found) picked[point] = 1;
  renew();
}

function endSelection() {
  selection = null;
  picked.fill(0);
  renew();
}

// ---- The legend

function makeLegend() {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const label of points.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const items = onMap.map((label, place) => {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = true;
    box.addEventListener("change", () => {
      if (box.checked) hiddenClasses.delete(label);
      else hiddenClasses.add(label);
      renew();
    });
    const item = element("li", "");
    const field = element("label", "");
    const { colour, shape } = LOOKS_OF_CLASSES[place % LOOKS_OF_CLASSES.length];
    const count = element("small", "", (counts.get(label) ?? 0).toLocaleString("en"));
    field.append(box, swatch(colour, shape), element("span", "", classes[label]), count);
    item.append(field);
    return item;
  });
  part(document, ".atlas-classes ul").replaceChildren(...items);
  const words = ["fits", "does not fit", "unknown"];
  const key = LOOKS_OF_FITS.flatMap(({ colour, shape }, n) => [swatch(colour, shape), ` ${words[n]} `]);
  part(document, ".fits-key").replaceChildren("Labels: ", ...key);
}

/** @param {string} colour @param {Shape} shape */
function swatch(colour, shape) {
  const made = element("span", `swatch ${shape}`);
  made.style.setProperty("--dot", `var(${colour})`);
  return made;
}

/** @param {boolean} byFits */
function showLegend(byFits) {
  part(document, ".atlas-classes").classList.toggle("by-fits", byFits);
  part(document, ".fits-key").hidden = !byFits;
}

/** @param {boolean} shows */
function switchAll(shows) {
  hiddenClasses.clear();
  if (!shows) for (const label of onMap) hiddenClasses.add(label);
  for (const box of parts(document, ".atlas-classes input")) /** @type {HTMLInputElement} */ (box).checked = shows;
  renew();
}

// ---- The table

function showList() {
  rows.replaceChildren();
  grow();
  const what = selection ? "selected on the map" : "on the map";
  part(document, ".listed-count").textContent = `${inWords(listed.length, "photo")} ${what}`;
  part(document, '[data-do="end"]').hidden = !selection;
  for (const button of parts(document, "[data-sort]")) {
    const isBy = button.dataset.sort === sorted.by;
    button.closest("th")?.setAttribute("aria-sort", isBy ? (sorted.down ? "descending" : "ascending") : "none");
  }
  showPicked();
}

function grow() {
  const first = rows.childElementCount;
  rows.append(...listed.slice(first, first + CHUNK).map(makeRow));
  const rest = listed.length - rows.childElementCount;
  part(document, ".atlas-list .more").hidden = rest === 0;
  part(document, ".atlas-list .more button").textContent =
    `Show ${Math.min(rest, CHUNK)} more of ${rest.toLocaleString("en")}`;
  if (!document.querySelector('.item[tabindex="0"]')) reach(document.querySelector(".item:not(dialog)"));
}

/** @param {number} point */
function makeRow(point) {
  const row = part(copyOf("row"), "tr");
  const name = points.names[point];
  const label = classOf(point);
  Object.assign(row.dataset, { content: points.contents[point], label, name, place: point });
  row.tabIndex = -1;
  row.setAttribute("aria-label", `${name}, ${label}`);
  const box = part(row, "input", HTMLInputElement);
  box.checked = picked[point] === 1;
  box.setAttribute("aria-label", `Select ${name}`);
  box.addEventListener("change", () => {
    picked[point] = box.checked ? 1 : 0;
    showPicked();
  });
  const open = part(row, "button");
  part(open, "span").textContent = name;
  if (points.pictured[point]) open.prepend(image(shownOf(point), ""));
  open.addEventListener("click", () => openFromRow(row));
  part(row, ".class").textContent = label;
  part(row, ".fits").textContent = fitWords(point);
  if (otherClassOf(point) !== null) part(row, ".voted").textContent = fitSentence(point);
  makeMarks(row);
  return row;
}

function pickedPoints() {
  return listed.filter((point) => picked[point]);
}

function showPicked() {
  const count = pickedPoints().length;
  sure.hidden = true; // It asks about what was ticked before.
  part(forAll, ".picked-count").textContent =
    count > 0 ? `Decide on all ${inWords(count, "photo")} that are ticked:` : "Tick photos, or select them on the map, to decide on all at once.";
  for (const button of forAll.querySelectorAll("button")) button.disabled = count === 0;
  pickAll.checked = count > 0 && count === listed.length;
  pickAll.indeterminate = count > 0 && count < listed.length;
}

function pickListed() {
  for (const point of listed) picked[point] = pickAll.checked ? 1 : 0;
  for (const row of parts(rows, "tr")) part(row, "input", HTMLInputElement).checked = pickAll.checked;
  showPicked();
}

// ---- Deciding on many

/** What "Yes" does. */
let confirmed = () => {};

/**
 * Decide on all photos that are ticked, as one step of undo; on many only if that is meant.
 * @param {Mark} name @param {string} [label] their class; without it, each keeps its own
 */
function decideAll(name, label) {
  const { each, unclear } = pickedContents();
  if (name === "right") for (const content of unclear) each.delete(content);
  const act = () => {
    decideEach([...each.values()], name, label);
    if (name === "right" && unclear.size > 0) {
      say(`Decided: ${inWords(each.size, "photo")}. Not decided: ${inWords(unclear.size, "photo")} with the same bytes under two classes; tick one of them.`);
    }
  };
  if (each.size <= MOST_UNASKED) act();
  else askWhether(questionOn(inWords(each.size, "photo"), name, label), act);
}

/** Return the photos that are ticked, each content once, and the contents with two labels. */
function pickedContents() {
  /** @type {Map<string, Decidable>} */
  const each = new Map();
  /** @type {Set<string>} */
  const unclear = new Set();
  for (const point of pickedPoints()) {
    const photo = photoAt(point);
    const former = each.get(photo.content);
    if (former && former.label !== photo.label) unclear.add(photo.content);
    each.set(photo.content, former ?? photo);
  }
  return { each, unclear };
}

/** @param {string} photos how many @param {Mark} name @param {string} [label] */
function questionOn(photos, name, label) {
  if (name === "out") return `Leave out ${photos}?`;
  return label === undefined ? `Confirm the labels of ${photos}?` : `Decide that ${photos} are “${label}”?`;
}

/** @param {string} question @param {() => void} act */
function askWhether(question, act) {
  part(sure, "p").textContent = question;
  confirmed = act;
  sure.hidden = false;
  part(sure, '[data-do="unsure"]').focus();
}

/** @param {() => void} [act] */
function closeQuestion(act) {
  sure.hidden = true;
  theirClass.focus();
  act?.();
}

/** @param {Decidable[]} photos @param {Mark} name @param {string} [label] */
function decideEach(photos, name, label) {
  const done = addDecisions(
    photos.map((photo) => decide(photo, label === photo.label ? "right" : name, label ?? photo.label)),
  );
  if (done) say(`Decided: ${inWords(photos.length, "photo")}. Undo restores this.`);
}

/**
 * @param {number} point
 * @returns {Photo}
 */
function shownOf(point) {
  const picture = points.pictured[point] ? points.contents[point] : null;
  return { name: points.names[point], path: points.paths[point], picture };
}

/** @param {number} point */
function photoAt(point) {
  return {
    content: points.contents[point],
    files: points.files[point],
    name: points.names[point],
    label: classOf(point),
  };
}

// ---- The large view

/** @param {HTMLElement} row */
function openFromRow(row) {
  openLarge(Number(row.dataset.place), row);
}

/** @param {number} point @param {HTMLElement} from */
function openLarge(point, from) {
  cameFrom = from;
  album = listed.includes(point) ? listed : [...atlas.order];
  showLarge(album.indexOf(point));
}

/**
 * @param {number} place
 * @returns {Shown}
 */
function largeAt(place) {
  const point = album[place];
  const { content, name, label } = photoAt(point);
  return {
    ...{ content, name, label },
    title: fileName(name),
    answer: wordsOn(point).slice(1).join(": "),
    asked: { photo: shownOf(point), title: "Photo", words: `Photo: ${label}` },
    others: [],
  };
}

/**
 * Move the focus to the photo that was shown last, or back to the map.
 * @param {number} place
 */
function leaveLarge(place) {
  if (cameFrom === canvas) {
    canvas.focus();
    return;
  }
  while (rows.childElementCount <= place) grow();
  /** @type {HTMLElement} */ (rows.children[place]).focus();
}

/** @param {number} point */
function wordsOn(point) {
  return [fileName(points.names[point]), classOf(point), fitSentence(point)];
}

// ---- Room for the map

let highest = 0; // The bar so far.

/**
 * Give the style sheet how much of the window is not for the map. The bar grows and shrinks with its
 * messages; the map keeps clear of the highest, so that it does not move each time.
 */
function measureRoom() {
  const above = canvas.getBoundingClientRect().top + scrollY;
  const atlasStyle = part(document, ".atlas").style;
  atlasStyle.setProperty("--above", `${Math.round(above)}px`);
  if (!pending.open) highest = Math.max(highest, bar.offsetHeight);
  atlasStyle.setProperty("--bar", `${highest}px`);
}

// ---- The beginning

/** @type {Record<string, () => void>} */
const ACTS = {
  in: () => zoomMap(ZOOM_STEP),
  out: () => zoomMap(1 / ZOOM_STEP),
  whole: showWhole,
  view: selectView,
  all: () => switchAll(true),
  none: () => switchAll(false),
  end: endSelection,
  right: () => decideAll("right"),
  leave: () => decideAll("out"),
  sure: () => closeQuestion(confirmed),
  unsure: () => closeQuestion(),
  back: () => {
    showWhole();
    canvas.focus(); // The button is gone.
  },
  "pick-all": pickListed,
};

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-do], [data-sort]") : null;
  if (!(button instanceof HTMLElement)) return;
  const { do: act, sort: by } = button.dataset;
  if (act) ACTS[act]();
  if (by) {
    sorted = { by, down: sorted.by === by && !sorted.down };
    renew();
  }
});
for (const name of ["fits", "search", "colour"]) {
  for (const field of parts(document, `[name="${name}"]`)) field.addEventListener("input", renew);
}
part(document, ".atlas-list .more button").addEventListener("click", () => {
  const first = rows.childElementCount;
  grow();
  /** @type {HTMLElement} */ (rows.children[first]).focus();
});
askForClass(forAll, (label) => {
  theirClass.value = label;
  theirClass.focus();
  decideAll("wrong", label);
});

/** @type {Map<string, Decidable>} */
const decidable = new Map();
for (let point = number - 1; point >= 0; point -= 1) decidable.set(points.contents[point], photoAt(point));
startLarge({
  address: (picture) => `${folder}/${picture}.jpg`,
  number: () => album.length,
  at: largeAt,
  leave: leaveLarge,
});
startAtlas({
  x: Float64Array.from(points.x, (one) => one / side),
  y: Float64Array.from(points.y, (one) => one / side),
  order: new Int32Array(0),
  lookOf: new Uint8Array(number),
  looks: [],
  address: (point) => (points.pictured[point] ? `${folder}/${points.contents[point]}.jpg` : null),
  words: wordsOn,
  dragsLasso: () => chosen("drag") === "lasso",
  open: (point) => openLarge(point, canvas),
  selected: select,
  ended: endSelection,
});
makeLegend();
startDeciding({ set: "catalogue", classes, decided, photos: decidable, open: openFromRow, changed: updateNote });
renew();
measureRoom();
new ResizeObserver(measureRoom).observe(bar);
window.addEventListener("resize", measureRoom);
