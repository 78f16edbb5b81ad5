"use strict";

// Decisions on the report and on the page of the audit: the file of decisions, what this browser
// stores of them, and the buttons, keys and bar to make them. A page calls `startDeciding`.
// It marks what can be decided with the class "item" and `data-content`, a content id, and gives
// it an empty element with the class "decide". Where files with the same bytes are shown under two
// classes, `data-label` and `data-name` say which of them an item shows.
//
// The types in comments are from tests/report/types.d.ts.

/** @type {(keyof Decision)[]} */
const COLUMNS = ["content_id", "image", "set", "decision", "label", "when", "note"];
const DECISIONS = ["right", "wrong", "out", "catalogue"];
const STORE = "similar-image-finder/decisions";
const MOST_FAULTS = 20;
const LONGEST_LABEL = 1000;

// ---- The elements of the page

/**
 * Return the first element in `place` that a selector fits: one that is always there.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {ParentNode} place @param {string} selector @param {new () => T} [type]
 */
function part(place, selector, type) {
  const found = place.querySelector(selector);
  if (found instanceof (type ?? HTMLElement)) return /** @type {T} */ (found);
  throw new Error(`There is no ${selector} on this page.`);
}

/**
 * Return all elements in `place` that a selector fits.
 * @param {ParentNode} place @param {string} selector
 */
function parts(place, selector) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (place.querySelectorAll(selector))];
}

/**
 * Return a copy of the content of a template.
 * @param {string} id
 */
function copyOf(id) {
  const { content } = part(document, `#${id}`, HTMLTemplateElement);
  return /** @type {DocumentFragment} */ (content.cloneNode(true));
}

// ---- The file. These functions do not depend on the page.

// What begins a formula in a spreadsheet, and where: as in `write_csv` in file_formats.py.
const FORMULA = "(?=[ ']*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20])";
const AFTER_SEPARATOR = new RegExp(`([;\\t\\r\\n])${FORMULA}`, "g");
const AT_BEGINNING = new RegExp(`^${FORMULA}`);
const DEFUSED = new RegExp(`(^|[;\\t\\r\\n])'${FORMULA}`, "g");

/** @param {string} text */
function csvCell(text) {
  const safe = text.replace(AFTER_SEPARATOR, "$1'").replace(AT_BEGINNING, "'");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * Return `rows`, objects with all `COLUMNS`, as the text of a decisions.csv.
 * @param {Decision[]} rows
 */
function csvOf(rows) {
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))];
  return lines.map((cells) => `${cells.map(csvCell).join(",")}\n`).join("");
}

/**
 * Return the records of a CSV text: the line where each begins, and its cells.
 * @param {string} text
 */
function csvRecords(text) {
  const token = /("[^"]*(?:""[^"]*)*"|[^",\r\n][^,\r\n]*|)(,|\r\n|\r|\n|$)/y;
  /** @type {{ line: number, cells: string[] | null }[]} */
  const records = [];
  /** @type {{ line: number, cells: string[] }} */
  let record = { line: 1, cells: [] };
  let line = 1;
  while (token.lastIndex < text.length || record.cells.length > 0) {
    const found = token.exec(text);
    if (!found) return [...records, { line: record.line, cells: null }]; // Quotation marks that do not match.
    const [, cell, end] = found;
    const plain = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    record.cells.push(plain.replace(DEFUSED, "$1"));
    line += (cell.match(/\r\n|\r|\n/g) ?? []).length;
    if (end === ",") continue;
    line += 1;
    records.push(record);
    record = { line, cells: [] };
    if (token.lastIndex >= text.length) break;
  }
  return records;
}

/**
 * Return what is wrong with a decision, and what is allowed; "" where nothing is.
 * @param {Decision} row
 */
function faultOf(row) {
  const { content_id: id, set, decision, label, when } = row;
  if (!/^[0-9a-f]{64}$/.test(id)) {
    return `content_id is “${id}”; allowed are 64 digits 0-9 and a-f`;
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(set)) {
    return `set is “${set}”; allowed are “catalogue” and the name of a query set`;
  }
  if (!DECISIONS.includes(decision)) {
    return `decision is “${decision}”; allowed are ${DECISIONS.join(", ")}`;
  }
  if (decision === "catalogue" && set === "catalogue") {
    return "what is in the catalogue cannot be taken into it; allowed are right, wrong, out";
  }
  if (decision === "out" && label) {
    return `label is “${label}”; it must be empty where one is left out`;
  }
  if (decision !== "out" && !isVisible(label)) return `label is empty; “${decision}” needs a class`;
  if ([...label].length > LONGEST_LABEL) {
    return `label has ${[...label].length} characters; allowed are ${LONGEST_LABEL}`;
  }
  if (/[\u0000-\u001f\u007f\ufffe\uffff]/.test(label)) {
    return "label has a control character in it; allowed is the name of a class";
  }
  if (Number.isNaN(timeOf(when))) {
    return `when is “${when}”; allowed is a time such as 2026-11-24T17:03:12Z`;
  }
  return "";
}

/**
 * Whether anything of a label can be seen.
 * @param {string} label
 */
function isVisible(label) {
  return /[^\s\u0085]/.test(label.replaceAll(/\p{Cf}/gu, ""));
}

/**
 * Return the milliseconds of an ISO 8601 time with its offset, or NaN where there is no such time.
 * @param {string} when
 */
function timeOf(when) {
  const whole =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
  const [, year, month, day] = whole.exec(when) ?? [];
  // Date takes the 30th of February for the 2nd of March.
  const isDay = new Date(`${year}-${month}-${day}T00:00Z`).getUTCDate() === Number(day);
  return isDay && year !== "0000" ? Date.parse(when) : NaN;
}

/**
 * Return what a decision is on: its class in one collection, or whether it is in the catalogue.
 * @param {Decision} row
 */
function subjectOf({ content_id: id, set, decision }) {
  return `${id} ${set} ${decision === "catalogue" ? "catalogue" : "class"}`;
}

/**
 * Read the bytes of a decisions.csv: its decisions, the later one of each subject, and its faults
 * by line. Where there are faults, no decision counts.
 * @param {ArrayBuffer} bytes
 * @returns {{ rows: Decision[], faults: string[] }}
 */
function readDecisions(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { rows: [], faults: ["The file is not UTF-8 text."] };
  }
  if (text.includes("\0")) return { rows: [], faults: ["The file holds a NUL character."] };
  const [header, ...records] = csvRecords(text);
  if (header?.cells?.join() !== COLUMNS.join()) {
    return { rows: [], faults: [`Line 1: the header has to be ${COLUMNS.join(",")}`] };
  }
  const faults = [];
  const rows = [];
  /** @type {Said} */
  const said = new Map(); // The first decision on a content in a collection at a time, and its line.
  for (const { line, cells } of records) {
    if (cells?.length === 1 && cells[0] === "") continue; // An empty line.
    const named = COLUMNS.map((name, n) => [name, cells?.[n]]);
    const row = /** @type {Decision} */ (Object.fromEntries(named));
    let fault;
    if (!cells) fault = "a quotation mark is not closed, or not doubled";
    else if (cells.length !== COLUMNS.length) fault = `${cells.length} cells; allowed: ${COLUMNS.length}`;
    else fault = faultOf(row) || contradiction(row, line, said);
    if (fault) faults.push(`Line ${line}: ${fault}`);
    else rows.push(row);
  }
  if (faults.length > 0) return { rows: [], faults };
  return { rows: merged([], rows), faults };
}

/** @param {Decision} row @param {number} line @param {Said} said */
function contradiction(row, line, said) {
  const moment = `${row.content_id} ${row.set} ${timeOf(row.when)}`;
  const before = said.get(moment);
  if (!before) said.set(moment, { row, line });
  if (!before || sameDecision(before.row, row)) return "";
  return `it contradicts line ${before.line}, which was decided at the same time`;
}

/** @param {Decision} a @param {Decision} b */
function sameDecision(a, b) {
  return a.set === b.set && a.decision === b.decision && a.label === b.label;
}

/**
 * Return the later of two decisions, either of which may be missing.
 * @template {Decision | undefined} T
 * @param {Decision | undefined} first @param {T} second
 * @returns {Decision | T}
 */
function laterOf(first, second) {
  if (!first || !second) return first ?? second;
  return timeOf(second.when) > timeOf(first.when) ? second : first;
}

/**
 * Return the decisions of both, the later one of each subject, sorted by set, image and content.
 * @param {Decision[]} first @param {Decision[]} second
 */
function merged(first, second) {
  /** @type {Map<string, Decision>} */
  const all = new Map();
  for (const row of [...first, ...second]) {
    all.set(subjectOf(row), laterOf(all.get(subjectOf(row)), row));
  }
  /** @type {(keyof Decision)[]} */
  const order = ["set", "image", "content_id", "decision"];
  return [...all.values()].sort((a, b) => {
    const name = order.find((column) => a[column] !== b[column]);
    return name ? (a[name] < b[name] ? -1 : 1) : 0;
  });
}

// ---- What this browser stores: decisions of this project, by subject, and of others

let kept = true; // Whether it can store anything: some browsers store nothing for files or frames.
/** @type {Map<string, Kept>} */
let memory = new Map();
/** @type {Kept[]} */
let others = []; // The decisions of other projects, which may be on the same photos.

function readStored() {
  try {
    const stored = Object.values(JSON.parse(localStorage.getItem(STORE) ?? "{}"));
    const sound = stored.map(storedRow).filter((row) => row !== null);
    memory = new Map(sound.filter((row) => row.home === home).map((row) => [subjectOf(row), row]));
    others = sound.filter((row) => row.home !== home);
  } catch (error) {
    // Invalid JSON is replaced by the next decision; without storage, memory stays.
    if (!(error instanceof SyntaxError)) kept = false;
  }
  index();
}

/**
 * Return a decision as the browser kept it, or null where it is damaged.
 * @param {Record<string, unknown> | null} stored
 */
function storedRow(stored) {
  const names = [...COLUMNS, "home"];
  const cells = names.map((name) => [name, String(stored?.[name] ?? "")]);
  const row = /** @type {Kept} */ (Object.fromEntries(cells));
  return faultOf(row) ? null : row;
}

/**
 * Keep the changes, pairs of a subject and a decision, or null for none any more.
 * @param {[string, Kept | null][]} changes
 */
function keep(changes) {
  readStored(); // Another tab may have decided since.
  for (const [subject, row] of changes) {
    if (row) memory.set(subject, row);
    else memory.delete(subject);
  }
  index();
  try {
    const rows = [...memory.values(), ...others];
    const stored = rows.map((row) => [`${row.home} ${subjectOf(row)}`, row]);
    localStorage.setItem(STORE, JSON.stringify(Object.fromEntries(stored)));
  } catch {
    kept = false;
  }
}

// ---- What is decided

/** @type {Deciding} */
let page; // What `startDeciding` was given.
/** @type {Map<string, Decision>} */
let applied = new Map(); // The decisions that the last run knew, by subject.
/** @type {Map<string, Set<string>>} */
let subjects = new Map(); // The subjects of all decisions, by content id.
// The folder of all results, or the page itself where it was sent as one file. It separates the
// decisions of this project from those of others.
let home = "";
let unsaved = false;
/** @type {[string, Kept | null][][]} */
const steps = []; // For undo: for each step the former decisions.

function index() {
  subjects = new Map();
  for (const [subject, row] of [...applied, ...memory]) {
    const known = subjects.get(row.content_id);
    if (known) known.add(subject);
    else subjects.set(row.content_id, new Set([subject]));
  }
}

/**
 * Return all decisions on a content, in whichever collection they were made.
 * @param {string | null} id
 */
function decisionsOn(id) {
  const known = [...(subjects.get(id ?? "") ?? [])];
  return known.flatMap((subject) => laterOf(applied.get(subject), memory.get(subject)) ?? []);
}

/**
 * Return what is decided of a content, as the next run will apply it. Any of these may be missing.
 *
 * `own`: the decision on its class in the collection of this page.
 * `here`: the one that took it into the catalogue, where that counts in this collection, too.
 * `member`: the decision by which it is in the catalogue; `as`: the one that gives it its class there.
 * `left`: the decision that took it out of the catalogue.
 * @param {string | null} id
 * @returns {State}
 */
function stateOf(id) {
  const all = decisionsOn(id);
  /** @param {string} set */
  const onClassIn = (set) => all.find((row) => row.set === set && row.decision !== "catalogue");
  const there = onClassIn("catalogue");
  const taking = all.filter((row) => row.decision === "catalogue");
  const taken = taking.reduce(laterOf, /** @type {Decision | undefined} */ (undefined));
  const left = taken && there?.decision === "out" && laterOf(there, taken) === there ? there : undefined;
  const member = left ? undefined : taken;
  const here = member && joinedHere(all, member);
  const decided = onClassIn(page.set);
  const own = here && laterOf(decided, here) === here ? undefined : decided;
  const onClass = [onClassIn(querySetOf(member)), there].filter((row) => row?.label);
  return { own, here, member, left, as: onClass.reduce(laterOf, member) };
}

/**
 * Return the decision that takes a photo into the catalogue and counts in this page's collection.
 * @param {Decision[]} all @param {Decision} member
 */
function joinedHere(all, member) {
  if (page.set === "catalogue") return member;
  const own = all.find((row) => row.set === page.set && row.decision === "catalogue");
  // The file of another set's may be in this one by now: then the last run has applied it here.
  return own ?? (page.photos.get(member.content_id)?.decision === "catalogue" ? member : undefined);
}

/**
 * Return the query set whose photo is a member, and gives it its class, too; "" where none is.
 * @param {Decision | undefined} member
 */
function querySetOf(member) {
  const photo = member && page.photos.get(member.content_id);
  if (!member || !photo) return "";
  // The catalogue's own files do not follow a query set.
  if (page.set === "catalogue") return photo.name.includes(":") ? photo.name.split(":")[0] : "";
  if (photo.duplicate === "exact") return "";
  return member.set !== page.set && photo.decision === "catalogue" ? page.set : member.set;
}

/**
 * Return the decision on a content that counts in the collection of this page, if there is one.
 * @param {string | null} id
 */
function decisionOn(id) {
  const { own, here } = stateOf(id);
  return own ?? here;
}

/**
 * Whether the last run did not know a decision yet.
 * @param {Decision} row
 */
function isNew(row) {
  const before = applied.get(subjectOf(row));
  return !(before && sameDecision(before, row) && before.note === row.note);
}

/**
 * Return the class under which a mark puts a photo; "" where it has to be asked for.
 * @param {Decidable} photo @param {Mark} name
 */
function labelFor(photo, name) {
  if (name === "out" || name === "wrong") return "";
  if (name === "right") return photo.prediction || photo.label;
  return decisionOn(photo.content)?.label || photo.label || photo.prediction || "";
}

/**
 * Return the decision that a mark makes of a photo.
 * @param {Decidable} photo @param {Mark} name @param {string} label
 */
function decide(photo, name, label) {
  return {
    content_id: photo.content,
    image: photo.name,
    set: page.set,
    decision: name,
    label: name === "out" ? "" : label,
    when: momentAfter(photo.content),
    note: decisionOn(photo.content)?.note ?? "",
    home,
  };
}

/**
 * Return the decision that takes a member out of the catalogue.
 * @param {Decision} member
 * @returns {Kept}
 */
function leaveCatalogue(member) {
  const { content_id, image, set } = member;
  const when = momentAfter(content_id);
  return { content_id, image: `${set}:${image}`, set: "catalogue", decision: "out", label: "", when, note: "", home };
}

/**
 * Return a time later than all decisions on a content, whose clocks may have been fast.
 * @param {string} id
 */
function momentAfter(id) {
  const times = decisionsOn(id).map((row) => timeOf(row.when) + 1000);
  return new Date(Math.max(Date.now(), ...times)).toISOString().replace(/\.\d+Z$/, "Z");
}

/**
 * Add decisions as one step of undo.
 * @param {Kept[]} rows
 */
function addDecisions(rows) {
  const fault = rows.map(faultOf).find(Boolean);
  if (fault) say(`This cannot be decided: ${fault}.`);
  else applyStep(rows.map((row) => [subjectOf(row), row]));
}

/**
 * Apply changes as one step of undo, see `keep`.
 * @param {[string, Kept | null][]} changes
 */
function applyStep(changes) {
  readStored();
  steps.push(changes.map(([subject]) => [subject, memory.get(subject) ?? null]));
  keep(changes);
  unsaved = true;
  repaint();
}

function undo() {
  const step = steps.pop();
  if (!step) return;
  keep(step);
  unsaved = true;
  repaint();
  const number = step.length.toLocaleString("en");
  say(step.length === 1 ? "Undone." : `Undone: ${number} decisions.`);
}

/**
 * Return the photo that an item shows.
 * @param {HTMLElement} item
 */
function photoOf(item) {
  const photo = page.photos.get(item.dataset.content ?? "");
  const { label, name } = item.dataset;
  return photo && label !== undefined && name !== undefined ? { ...photo, label, name } : photo;
}

/**
 * Mark a photo; the same mark again removes it, unless the last run knew it.
 * @param {HTMLElement} item @param {Mark} name
 */
function mark(item, name) {
  const photo = photoOf(item);
  /** @type {HTMLButtonElement | null} */
  const button = item.querySelector(`[data-mark="${name}"]`);
  if (!photo || !button || button.disabled) return;
  if (button.getAttribute("aria-pressed") === "true" && name !== "wrong") {
    unmark(photo, name);
    return;
  }
  const label = labelFor(photo, name);
  if (name === "out" || label) addDecisions([decide(photo, name, label)]);
  else choose(item, photo, name);
}

/**
 * Remove a mark. A photo that the last run put into the catalogue leaves it by a new decision.
 * @param {Decidable} photo @param {Mark} name
 */
function unmark(photo, name) {
  const { own, member } = stateOf(photo.content);
  const row = name === "catalogue" ? member : own;
  if (!row) return; // Another tab has removed it.
  const subject = subjectOf(row);
  if (name === "catalogue" && applied.has(subject)) addDecisions([leaveCatalogue(row)]);
  else if (memory.has(subject)) applyStep([[subject, null]]);
}

/**
 * Decide many at once, as one step; `photos` are those that `adoptable` found.
 * @param {Decidable[]} photos
 */
function adopt(photos) {
  addDecisions(photos.map((photo) => decide(photo, "catalogue", labelFor(photo, "catalogue"))));
}

/**
 * Return the photos that can be taken into the catalogue, each content once.
 * @param {Decidable[]} photos
 */
function adoptable(photos) {
  const found = photos.filter((photo) => {
    const { own, member } = stateOf(photo.content);
    const open = own?.decision !== "out" && !member;
    return open && photo.duplicate !== "exact" && labelFor(photo, "catalogue");
  });
  return [...new Map(found.map((photo) => [photo.content, photo])).values()];
}

// ---- The marks of a photo

/** @param {HTMLElement} item */
function makeMarks(item) {
  if (!page.photos.has(item.dataset.content ?? "")) return;
  part(item, ".decide").replaceChildren(copyOf("marks"));
  paint(item);
}

/** @param {HTMLElement} item */
function paint(item) {
  const photo = photoOf(item);
  const words = item.querySelector(".decision");
  if (!photo || !words) return; // There is nothing to decide, or no mark is there yet.
  const state = stateOf(photo.content);
  item.classList.toggle("decided", Boolean(decisionOn(photo.content)));
  const labels = { right: labelFor(photo, "right"), catalogue: labelFor(photo, "catalogue") };
  for (const button of part(item, ".marks").querySelectorAll("button")) {
    const name = /** @type {Mark} */ (button.dataset.mark);
    const on = name === "catalogue" ? Boolean(state.member) : isMarked(state.own, name, labels);
    button.setAttribute("aria-pressed", String(on));
    button.disabled = name === "right" && !labels.right;
    button.title = { ...titles(labels, state), out: "Leave it out (O)", wrong: "Say which class it is (W)" }[name];
    if (name === "catalogue") part(button, "span").textContent = on ? "−" : "+";
  }
  words.textContent = sentence(state, photo);
}

/**
 * Whether a mark is that of a decision: what is confirmed may by now be another class.
 * @param {Decision | undefined} own @param {Mark} name @param {{ right: string }} labels
 */
function isMarked(own, name, labels) {
  return own?.decision === name && (name !== "right" || own.label === labels.right);
}

/** @param {{ right: string, catalogue: string }} labels @param {State} state */
function titles({ right, catalogue }, { member }) {
  const into = `Into the catalogue as ${catalogue || "…"} (C)`;
  return {
    right: right ? `It is ${right} (R)` : "There is no class to confirm",
    catalogue: member ? "Take it out of the catalogue (C)" : into,
  };
}

/** @param {State} state @param {Decidable} photo */
function sentence({ own, member, left, as }, { files = 1 }) {
  const out = member ? "Left out of this set" : "Left out";
  /** @type {Record<string, string>} */
  const words = { right: `Right: ${own?.label}`, wrong: `Wrong: it is ${own?.label}`, out };
  const all = files > 1 ? `, with all ${files} files of the same bytes` : "";
  const said = [];
  if (own) said.push(words[own.decision] + all + ending(own));
  if (member && as) said.push(`Into the catalogue as ${as.label}${ending(member, as)}`);
  if (left && left !== own && isNew(left)) said.push("Out of the catalogue");
  return said.join("; ");
}

/**
 * Return the note of the first decision, and whether the last run has applied all.
 * @param {Decision[]} rows
 */
function ending(...rows) {
  return (rows[0].note ? `, ${rows[0].note}` : "") + (rows.some(isNew) ? "" : " (done)");
}

/**
 * Ask for the class of a photo.
 * @param {HTMLElement} item @param {Decidable} photo @param {Mark} name
 */
function choose(item, photo, name) {
  const place = part(item, ".decide");
  place.querySelector("form")?.remove();
  const form = part(copyOf("chooser"), "form");
  const input = part(form, "input", HTMLInputElement);
  const known = decisionOn(photo.content);
  const other = photo.label === photo.prediction ? "" : photo.label;
  input.value = (known?.decision === "wrong" && known.label) || photo.suggestion || other || "";
  const showIfNew = () => {
    const label = input.value.trim();
    part(form, ".new-class").hidden = !label || page.classes.includes(label);
  };
  const close = () => {
    form.remove();
    item.focus();
  };
  input.addEventListener("input", showIfNew);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const label = input.value.trim().normalize("NFC"); // As the workflow writes all classes.
    if (!label) return;
    close();
    addDecisions([decide(photo, name, label)]);
    offerClasses();
  });
  form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault(); // The large view stays.
    close();
  });
  part(form, "[type=button]").addEventListener("click", close);
  place.append(form);
  showIfNew();
  input.focus();
  input.select();
}

/** Offer the classes of the catalogue, and the new ones that were decided. */
function offerClasses() {
  const labels = [...memory.values()].map((row) => row.label);
  const offered = [...new Set([...page.classes, ...labels])].filter(Boolean);
  const options = offered.map((label) => {
    const option = document.createElement("option");
    option.value = label;
    return option;
  });
  part(document, "#classes-offered").replaceChildren(...options);
}

// ---- The keys

/** @type {Record<string, Mark>} */
const MARKS = { r: "right", w: "wrong", o: "out", c: "catalogue" };

/** @param {KeyboardEvent} event */
function pressed(event) {
  const { target } = event;
  if (!(target instanceof Element)) return;
  if (target.closest("input:not([type=checkbox], [type=radio]), select, textarea")) return;
  /** @type {HTMLElement | null} */
  const item = target.closest(".item");
  if (!item || event.altKey || event.metaKey) return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) undo();
  else if (event.ctrlKey) return;
  else if (MARKS[key]) mark(item, MARKS[key]);
  else if (key === "?") keysHelp.showModal();
  else if (item.closest("dialog")) return;
  else if (event.key.startsWith("Arrow")) move(item, event.key);
  else if (event.key === "Enter" && target === item) page.open(item);
  else return;
  event.preventDefault();
}

/**
 * Bring the focus to the next item in a direction.
 * @param {HTMLElement} item @param {string} key
 */
function move(item, key) {
  const items = parts(document, ".item:not(dialog)");
  const at = items.indexOf(item);
  if (key === "ArrowRight") return items[at + 1]?.focus();
  if (key === "ArrowLeft") return items[at - 1]?.focus();
  const { top, left } = item.getBoundingClientRect();
  const further = key === "ArrowDown" ? items.slice(at + 1) : items.slice(0, at).reverse();
  let row = null;
  let nearest = null;
  for (const other of further) {
    const place = other.getBoundingClientRect();
    if (Math.abs(place.top - top) < 2) continue;
    row ??= place.top;
    if (Math.abs(place.top - row) > 2) break;
    const distance = Math.abs(place.left - left);
    if (!nearest || distance < nearest.distance) nearest = { other, distance };
  }
  return nearest?.other.focus();
}

/**
 * Let Tab reach only the item that had the focus last.
 * @param {HTMLElement | null} item
 */
function reach(item) {
  for (const other of parts(document, '.item[tabindex="0"]')) other.tabIndex = -1;
  if (item) item.tabIndex = 0;
}

// ---- The bar

const bar = part(document, ".deciding");
const keysHelp = part(document, "dialog.keys", HTMLDialogElement);
const chosenFile = part(bar, "[type=file]", HTMLInputElement);

function repaint() {
  for (const item of parts(document, ".item[data-content]")) paint(item);
  const { decided, fresh, all } = counted();
  const left = (all - decided).toLocaleString("en");
  part(bar, ".decided-count").textContent =
    `${decided.toLocaleString("en")} of ${all.toLocaleString("en")} decided, ${left} left`;
  const progress = part(bar, "progress", HTMLProgressElement);
  progress.max = Math.max(all, 1);
  progress.value = decided;
  part(bar, '[data-act="undo"]', HTMLButtonElement).disabled = steps.length === 0;
  part(bar, '[data-act="save"]', HTMLButtonElement).disabled = toSave().length === 0;
  part(bar, ".next").textContent = hint(fresh);
  page.changed?.();
}

function counted() {
  const ids = [...page.photos.keys()];
  const decided = ids.filter(decisionOn);
  // Photos with equal bytes are decided together, and each of them counts.
  /** @param {string[]} some */
  const number = (some) => some.reduce((sum, id) => sum + (page.photos.get(id)?.copies ?? 1), 0);
  const fresh = ids.filter((id) => Object.values(stateOf(id)).some((row) => row?.when && isNew(row)));
  return { all: number(ids), decided: number(decided), fresh: number(fresh) };
}

/** @param {number} fresh */
function hint(fresh) {
  const forgets = kept ? "" : "This browser does not keep your decisions: save them before you leave this page. ";
  if (fresh === 0) return `${forgets}Mark photos by their buttons or keys.`;
  return (
    `${forgets}${fresh.toLocaleString("en")} decided since the last run. To apply them, save decisions.csv next ` +
    "to config.yaml, set “decisions: decisions.csv” there, and run again."
  );
}

/** @param {string} message */
function say(message) {
  part(bar, ".message").textContent = message;
}

/** Return the decisions for the file: all of this project, of this browser and of the last run. */
function toSave() {
  readStored();
  return merged([...applied.values()], [...memory.values()]);
}

function save() {
  const rows = toSave();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(rows)], { type: "text/csv" }));
  link.download = "decisions.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  unsaved = false;
  say(`Saved: ${rows.length.toLocaleString("en")} decisions.`);
}

/**
 * Read a file, and add its decisions that are later than the known ones.
 * @param {File} file
 */
async function load(file) {
  const most = Number(bar.dataset.mostBytes);
  const tooLarge = `The file has ${file.size.toLocaleString("en")} bytes; allowed: ${most.toLocaleString("en")}`;
  const { rows, faults } =
    file.size > most ? { rows: [], faults: [tooLarge] } : readDecisions(await file.arrayBuffer());
  showFaults(file.name, faults);
  if (faults.length > 0) return;
  readStored();
  const later = rows.filter((row) => {
    const subject = subjectOf(row);
    return laterOf(laterOf(applied.get(subject), memory.get(subject)), row) === row;
  });
  const elsewhere = rows.filter((row) => !page.photos.has(row.content_id)).length;
  if (later.length > 0) addDecisions(later.map((row) => ({ ...row, home })));
  offerClasses();
  say(
    `${file.name}: ${later.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ` +
      `decisions are new or later; ${elsewhere.toLocaleString("en")} are of photos not on this page.`,
  );
}

/** @param {string} name @param {string[]} faults */
function showFaults(name, faults) {
  const shown = faults.slice(0, MOST_FAULTS);
  const rest = faults.length - shown.length;
  const items = [...shown, ...(rest > 0 ? [`and ${rest.toLocaleString("en")} more`] : [])].map((fault) => {
    const item = document.createElement("li");
    item.textContent = fault;
    return item;
  });
  const title = document.createElement("p");
  title.textContent = `${name} was not read. Correct it, or read another file:`;
  const list = document.createElement("ul");
  list.append(...items);
  part(bar, ".faults").replaceChildren(...(faults.length > 0 ? [title, list] : []));
  if (faults.length > 0) say("");
}

// ---- The beginning

/** @param {Deciding} given */
function startDeciding(given) {
  page = given;
  applied = new Map(merged([], given.decided).map((row) => [subjectOf(row), row]));
  try {
    home = new URL(given.alone ? location.pathname : "..", location.href).href;
  } catch {
    home = ""; // Inside a frame.
  }
  readStored();
  offerClasses();
  document.addEventListener("keydown", pressed);
  document.addEventListener("focusin", (event) => {
    /** @type {HTMLElement | null} */
    const item = event.target instanceof Element ? event.target.closest(".item:not(dialog)") : null;
    if (item) reach(item);
  });
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    /** @type {HTMLElement | null | undefined} */
    const item = button?.closest(".item");
    const { mark: name, act } = button?.dataset ?? {};
    if (item && name) mark(item, /** @type {Mark} */ (name));
    if (act === "undo") undo();
    if (act === "save") save();
    if (act === "keys") keysHelp.showModal();
    if (act === "load") chosenFile.click();
    if (act === "close-keys") keysHelp.close();
  });
  chosenFile.addEventListener("change", async () => {
    const file = chosenFile.files?.[0];
    if (file) await load(file);
    chosenFile.value = ""; // The same file can be chosen again.
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault(); // The browser would go to the file.
    load(file);
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== STORE && event.key !== null) return;
    readStored();
    repaint();
  });
  window.addEventListener("beforeunload", (event) => {
    if (unsaved && !kept) event.preventDefault();
  });
  repaint();
}
