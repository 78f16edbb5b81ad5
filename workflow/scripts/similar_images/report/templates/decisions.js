"use strict";

// Decisions on the report and on the page of the audit: the file of decisions, what this browser
// stores of them, and what is decided of each photo. deciding.js shows and changes that.
//
// The types in comments are from tests/report/types.d.ts.

/** @type {(keyof Decision)[]} */
const COLUMNS = ["content_id", "image", "set", "decision", "label", "when", "note"];
const DECISIONS = ["right", "wrong", "out", "catalogue", "undecided"];
const UNLABELLED = ["out", "undecided"]; // These have no class.
const STORE = "similar-image-finder/decisions";
const LONGEST_LABEL = 1000;

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
 * Return `rows` as the text of a CSV file with these columns, which a row may lack.
 * @template {string} Name
 * @param {Name[]} columns @param {{ [name in Name]?: string }[]} rows
 */
function csvOf(columns, rows) {
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ""))];
  return lines.map((cells) => `${cells.map(csvCell).join(",")}\n`).join("");
}

/**
 * Return the records of a CSV text: the line where each begins, and its cells.
 * @param {string} text
 */
function csvRecords(text, separator = ",") {
  const cellAndEnd = `("[^"]*(?:""[^"]*)*"|[^"${separator}\\r\\n][^${separator}\\r\\n]*|)(${separator}|\\r\\n|\\r|\\n|$)`;
  const token = new RegExp(cellAndEnd, "y");
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
    if (end === separator) continue;
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
    return "what is in the catalogue cannot be taken into it; allowed are right, wrong, out, undecided";
  }
  if (UNLABELLED.includes(decision)) {
    if (label) return `label is “${label}”; it must be empty with “${decision}”`;
  } else if (faultOfClass(label)) return `label ${faultOfClass(label)}`;
  if (Number.isNaN(timeOf(when))) {
    return `when is “${when}”; allowed is a time such as 2026-11-24T17:03:12Z`;
  }
  return "";
}

/**
 * Return what is wrong with the name of a class, and what is allowed; "" where nothing is.
 * @param {string} label
 */
function faultOfClass(label) {
  const visible = label.replaceAll(/\p{Cf}/gu, "");
  if (!/[^\s\u0085]/.test(visible)) return "is empty; allowed is the name of a class";
  if ([...label].length > LONGEST_LABEL) {
    return `has ${[...label].length} characters; allowed are ${LONGEST_LABEL}`;
  }
  if (/[\u0000-\u001f\u007f\ufffe\uffff]/.test(label)) {
    return "has a control character in it; allowed is the name of a class";
  }
  return "";
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
  // Excel saves semicolons where the comma is the decimal sign.
  const separator = text.startsWith(COLUMNS.join(";")) ? ";" : ",";
  const [header, ...records] = csvRecords(text, separator);
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
 * Whether two rows, either of which may be missing, say the same in all columns.
 * @param {Decision | null} a @param {Decision | null} b
 */
function sameRow(a, b) {
  return COLUMNS.every((name) => a?.[name] === b?.[name]);
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
/** @type {Set<string>} */
const removed = new Set(); // Subjects of decisions that a saved file has and this tab removed.

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
  const names = [...COLUMNS, "home", "saved"];
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
    if (memory.get(subject)?.saved) removed.add(subject);
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
let page; // What `startDeciding` is given.
/** @type {Set<string>} */
let catalogueClasses = new Set();
/** @type {Map<string, Decision>} */
let applied = new Map(); // The decisions that the last run knew, by subject.
/** @type {Map<string, Decision>} */
const inFile = new Map(); // The decisions in the project's file, by subject, if a server says so: see saving.js.
/** @type {Map<string, Set<string>>} */
let subjects = new Map(); // The subjects of all decisions, by content id.
// The folder of all results, or the page itself where it was sent as one file; on a server, which may
// be that of another project tomorrow, with the project. It separates the decisions of this project
// from those of others.
let home = "";

/** @param {Deciding} given */
function readPage(given) {
  page = given;
  catalogueClasses = new Set(given.classes);
  applied = new Map(merged([], given.decided).map((row) => [subjectOf(row), row]));
  try {
    home = new URL(given.alone ? location.pathname : "..", location.href).href + projectOfPage();
  } catch {
    home = ""; // Inside a frame.
  }
  readStored();
}

/** Return which project the page is of, as the server calls it; "" where there is no server. */
function projectOfPage() {
  return contentOfMeta("project");
}

/**
 * Return what a server has written into the head of the page, or "".
 * @param {string} name
 */
function contentOfMeta(name) {
  /** @type {HTMLMetaElement | null} */
  const found = document.querySelector(`meta[name="${name}"]`);
  return found?.content ?? "";
}

function index() {
  subjects = new Map();
  for (const [subject, row] of [...applied, ...inFile, ...memory]) {
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
  return known.flatMap((subject) => latestOn(subject) ?? []);
}

/**
 * Return the latest decision on a subject, wherever it is kept.
 * @param {string} subject
 */
function latestOn(subject) {
  return laterOf(laterOf(applied.get(subject), inFile.get(subject)), memory.get(subject));
}

/**
 * Return what is decided of a content, as the next run will apply it. Any of these may be missing.
 *
 * `own`: the decision on its class in the collection of this page.
 * `here`: the one that took it into the catalogue, where that counts in this collection, too.
 * `member`: the decision by which it is in the catalogue; `as`: the one that gives it its class there.
 * `left`: the decision that took it out of the catalogue; `former`: the one by which it was in it.
 * `back`: the one that took back an earlier one on its class in the collection of this page.
 * @param {string | null} id
 * @returns {State}
 */
function stateOf(id) {
  const all = decisionsOn(id);
  /** @param {string} set */
  const saidIn = (set) => all.find((row) => row.set === set && row.decision !== "catalogue");
  /** @param {string} set */
  const onClassIn = (set) => (saidIn(set)?.decision === "undecided" ? undefined : saidIn(set));
  const there = onClassIn("catalogue");
  const taking = all.filter((row) => row.decision === "catalogue");
  const taken = taking.reduce(laterOf, /** @type {Decision | undefined} */ (undefined));
  const left = taken && there?.decision === "out" && laterOf(there, taken) === there ? there : undefined;
  const member = left ? undefined : taken;
  const here = member && joinedHere(all, member);
  const decided = onClassIn(page.set);
  const own = here && laterOf(decided, here) === here ? undefined : decided;
  const onClass = [onClassIn(querySetOf(member)), there].filter((row) => row?.label);
  const back = decided ? undefined : saidIn(page.set);
  const former = left && taken;
  return { own, here, member, left, former, back, as: onClass.reduce(laterOf, member) };
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
  const decided = decisionOn(photo.content);
  const own = decided || !photo.decision ? photo.label : (photo.original_label ?? photo.label);
  if (name === "right") return photo.prediction || own;
  return decided?.label || own || photo.prediction || "";
}

/**
 * Return the decision that a mark makes of a photo.
 * @param {Decidable} photo @param {Mark} name @param {string} label
 */
function decide(photo, name, label) {
  const { own, here, back, former } = stateOf(photo.content);
  return {
    content_id: photo.content,
    image: photo.name,
    set: page.set,
    decision: name,
    label: name === "out" ? "" : label,
    when: momentAfter(photo.content),
    note: (own ?? here ?? back ?? former)?.note ?? "",
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
 * Return the decision that takes back one that the last run has applied.
 * @param {Decision} row
 * @returns {Kept}
 */
function takeBack(row) {
  return { ...row, decision: "undecided", label: "", when: momentAfter(row.content_id), home };
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
 * Return how many decisions, out of `toSave`, are neither as the last run had them nor as a file
 * that this browser saved.
 * @param {Decision[]} rows
 */
function numberUnsaved(rows) {
  const changed = rows.filter((row) => {
    const stored = memory.get(subjectOf(row));
    return stored === row && !stored.saved;
  });
  return changed.length + [...removed].filter((subject) => !memory.has(subject)).length;
}

/** Remember that the decisions of this browser are in a file. */
function markSaved() {
  keep([...memory].map(([subject, row]) => [subject, { ...row, saved: "yes" }]));
  removed.clear();
}

/** Return the decisions for the file: all of this project, of this browser and of the last run. */
function toSave() {
  readStored();
  return merged([...applied.values(), ...inFile.values()], [...memory.values()]);
}

// ---- The names of classes

const MOST_NEAR = 5;

/** Return the classes of the catalogue, and the new ones that were decided. */
function knownClasses() {
  const decided = toSave().map((row) => row.label);
  return [...new Set([...catalogueClasses, ...decided])].filter(Boolean);
}

/**
 * Return the known classes that a new one may be a slip of, the nearest first.
 *
 * They are equal without regard to case, spaces, hyphens, underscores and the plural; or one slip
 * apart where both have four letters or more, two slips where both have seven. A slip is a letter
 * too many, too few or another one, or two letters that are swapped.
 * @param {string} label @param {string[]} known
 */
function nearClasses(label, known) {
  const plain = plainName(label);
  const found = known.map((name) => {
    const other = plainName(name);
    const shorter = Math.min([...plain].length, [...other].length);
    const allowed = shorter < 4 ? 0 : shorter < 7 ? 1 : 2;
    const apart = singular(plain) === singular(other) ? 0 : slips([...plain], [...other]);
    return { name, apart, near: apart <= allowed };
  });
  const near = found.filter((one) => one.near).sort((a, b) => a.apart - b.apart);
  return near.slice(0, MOST_NEAR).map((one) => one.name);
}

/** @param {string} label */
function plainName(label) {
  return label.normalize("NFKC").toLowerCase().replaceAll(/[\s_\p{Pd}\p{Cf}]/gu, "");
}

/**
 * Return a name without the ends that a plural can have: berries and berry, dresses and dress.
 * @param {string} name
 */
function singular(name) {
  return name.replace(/(ies|y)$/, "i").replace(/[es]+$/, "") || name;
}

/**
 * Return how many slips make `b` of `a`, see `nearClasses`.
 * @param {string[]} a @param {string[]} b
 */
function slips(a, b) {
  /** @type {number[][]} */
  const table = [b.map((_, n) => n)]; // table[i][j]: of the first i and j letters.
  table[0].push(b.length);
  for (let i = 1; i <= a.length; i += 1) {
    table[i] = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1;
      table[i][j] = Math.min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        table[i][j] = Math.min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.length][b.length];
}
