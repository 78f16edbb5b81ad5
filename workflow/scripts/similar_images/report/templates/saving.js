"use strict";

// Saves each decision in the project's file at once, on a page that a server sends. The server says
// so by an element `<meta name="decisions-address">`; without it, nothing here is used.
//
// A decision is in the browser until the file has it. What could not be saved is sent again with
// the next decision, and when the page is opened or looked at again. The file keeps all lines, so
// to take a decision back is a decision, too.

const SECONDS_TO_ANSWER = 30; // The server waits up to 10 for other programs that save.

const CONFLICT = 409;
const OTHER_PROJECT = "The server is now that of another project. Reload the page to see that one.";
const PLAIN_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_./ -]*$/u; // Of a file; YAML needs no quotes for it.

// What the server said: where it saves, whether a run reads that, the files that the settings name,
// and the command of a run.
let serverSaid = { file: "decisions.csv", used: true, named: /** @type {string[]} */ ([]), run: "" };
let isStale = true; // Whether the file may have decisions that this page does not know.
let notSaved = ""; // Why the last decisions were not saved.
/** @type {Set<string>} */
const madeHere = new Set(); // Subjects that were decided on here, or that people accepted.
let requests = Promise.resolve(); // The requests, one after the other: one is on its way,
let isWaiting = false; // and another may wait.

/** What the server did not do, and why. */
class NotDone extends Error {
  /** @param {string} words @param {number} [status] of its answer */
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

/** What it will not do for this page: another project is at its address by now. */
class OfOtherProject extends NotDone {}

/** @type {OfOtherProject | null} */
let refusal = null; // Once there is one, nothing is sent until the page is loaded again.

const decisionsAddress = contentOfMeta("decisions-address");
if (decisionsAddress) saver = { start: startSaving, send: sendUnsaved, look: lookAtFile, rowsFor, show: showSaved };

function startSaving() {
  linkToAsking();
  window.addEventListener("focus", lookAtFile); // Somebody else may have decided.
  lookAtFile();
}

/** Show the links to the page that asks, which the same server has. */
function linkToAsking() {
  for (const link of document.querySelectorAll("a.to-ask")) {
    link.setAttribute("href", new URL(".", new URL(decisionsAddress, location.href)).href);
    link.removeAttribute("hidden");
  }
}

/** Read the file, and save what is not saved yet. */
function lookAtFile() {
  isStale = true;
  return sendUnsaved();
}

/** Save what is not saved yet. */
function sendUnsaved() {
  if (!isWaiting) requests = requests.then(readAndSave);
  isWaiting = true;
  return requests;
}

async function readAndSave() {
  isWaiting = false;
  try {
    if (refusal) throw refusal;
    const notice = isStale ? await readFile() : "";
    const rows = unsaved();
    if (rows.length > 0) await saveRows(rows);
    if (notSaved || notice) say(notice);
    notSaved = "";
  } catch (error) {
    isStale = true;
    if (error instanceof OfOtherProject) refusal = error;
    notSaved = explained(error);
    say(notSaved);
  }
  repaint();
}

/** @param {unknown} error */
function explained(error) {
  const why = error instanceof NotDone ? error.message : String(error);
  if (unsaved().length === 0) return why;
  if (!kept) return `Not saved: ${why} This browser does not keep your decisions, so do not leave this page.`;
  const again = error instanceof OfOtherProject ? "" : ", and sends them again with the next one";
  return `Not saved: ${why} This browser keeps your decisions${again}.`;
}

/**
 * Return what the server answers.
 * @param {string} address @param {RequestInit} [options]
 */
async function requested(address, options) {
  const signal = AbortSignal.timeout(1000 * SECONDS_TO_ANSWER);
  const response = await fetch(address, { ...options, signal }).catch(() => {
    throw new NotDone("The server does not answer. Start it again: python -m similar_images serve.");
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  const { detail } = answer ?? {};
  const words = typeof detail === "string" ? detail : `The server answered with the error ${response.status}.`;
  throw new NotDone(words, response.status);
}

/**
 * Return what the server says of its project, if that is the one of this page.
 * @param {string} otherwise why nothing is done
 */
async function readOverview(otherwise) {
  const overview = await requested(new URL("catalogue", new URL(decisionsAddress, location.href)).href);
  if (overview.project !== projectOfPage()) throw new OfOtherProject(otherwise);
  return overview;
}

/** Read the file, and return what people should know, or "". */
async function readFile() {
  isStale = false;
  const overview = await readOverview(OTHER_PROJECT);
  const { decisions } = await requested(decisionsAddress);
  const { decisions: file, decisions_used: used, decisions_named: named } = overview;
  serverSaid = { file, used, named, run: overview.run ?? serverSaid.run };
  /** @type {Kept[]} */
  const rows = decisions.map(storedRow).filter(Boolean);
  inFile.clear();
  for (const row of merged([], rows)) inFile.set(subjectOf(row), row);
  return dropEarlier();
}

/** Drop decisions of this browser before those in the file, and return what people should know. */
function dropEarlier() {
  const earlier = unsaved().filter((row) => {
    const there = inFile.get(subjectOf(row));
    return there && (laterOf(row, there) === there || (saysSame(there, row) && timeOf(there.when) === timeOf(row.when)));
  });
  const others = earlier.filter((row) => !saysSame(inFile.get(subjectOf(row)), row)).length;
  keep(earlier.map((row) => [subjectOf(row), null]));
  if (others === 0) return "";
  return `${serverSaid.file} has later decisions than this browser: ${inWords(others, "decision")} here no longer count.`;
}

/**
 * Whether a decision, which may be missing, says the same as another, at any time.
 * @param {Decision | undefined} one @param {Decision} other
 */
function saysSame(one, other) {
  return one !== undefined && sameDecision(one, other) && one.note === other.note;
}

/** @param {Kept[]} rows */
async function saveRows(rows) {
  const decisions = rows.map((row) => Object.fromEntries(COLUMNS.map((name) => [name, row[name]])));
  const answer = await requested(decisionsAddress, {
    method: "POST",
    headers: { "Content-Type": "application/json", Project: projectOfPage() },
    body: JSON.stringify({ decisions }),
  }).catch(async (error) => {
    if (error.status === CONFLICT) await readOverview(error.message); // It may be another project's.
    throw error;
  });
  serverSaid = { ...serverSaid, file: answer.file, run: answer.run };
  for (const row of rows) inFile.set(subjectOf(row), row);
  readStored();
  const unchanged = rows.filter((row) => sameRow(memory.get(subjectOf(row)) ?? null, row));
  keep(unchanged.map((row) => [subjectOf(row), null]));
}

/** Return the decisions of this browser that the file does not have. */
function unsaved() {
  readStored();
  return [...memory.values()].filter(isOurs);
}

/**
 * Whether a decision may be saved here without asking: on photos of this page, or made here.
 * @param {Decision} row
 */
function isOurs(row) {
  return page.photos.has(row.content_id) || madeHere.has(subjectOf(row));
}

/**
 * Return changes as decisions that count.
 * @param {[string, Kept | null][]} changes
 * @returns {[string, Kept | null][]}
 */
function rowsFor(changes) {
  return changes.flatMap(([subject, row]) => {
    const before = latestOn(subject);
    const wanted = row ?? takenBack(before);
    if (!wanted) return [];
    const counts = !before || timeOf(wanted.when) > timeOf(before.when);
    const when = counts ? wanted.when : momentAfter(wanted.content_id);
    madeHere.add(subjectOf(wanted));
    return [[subjectOf(wanted), { ...wanted, when, saved: "" }]];
  });
}

/** @param {Decision | undefined} row */
function takenBack(row) {
  if (!row || row.decision === "undecided") return undefined;
  return row.decision === "catalogue" ? leaveCatalogue(row) : takeBack(row);
}

/**
 * Show in the bar what is saved, and how it is applied.
 * @param {Decision[]} rows
 */
function showSaved(rows) {
  part(bar, '[data-act="save"]').hidden = true;
  part(pending, "p").hidden = true; // On decisions of this browser alone.
  const open = unsaved().length;
  const inIt = rows.filter((row) => !sameRow(memory.get(subjectOf(row)) ?? null, row));
  const saved = inIt.length > 0 ? `Saved in ${serverSaid.file}: ${byRun(inIt)}` : "";
  part(bar, ".to-save").textContent = open > 0 ? `${inWords(open, "decision")} not saved yet` : saved;
  part(bar, ".next").textContent = rows.some(isNew) ? howToApply() : "Mark photos by their buttons or keys. Each decision is saved at once.";
  showWaiting([...memory.values()].filter((row) => !isOurs(row)));
}

function howToApply() {
  const { file, used, named, run } = serverSaid;
  const files = named.length > 0 ? `[${[...named, file].map(inYaml).join(", ")}]` : file;
  const setting = used ? "" : `set “decisions: ${files}” in config.yaml, and `;
  return `To apply your decisions, ${setting}run ${run || "again"}.`;
}

/** @param {string} name */
function inYaml(name) {
  return PLAIN_NAME.test(name) ? name : JSON.stringify(name);
}

/**
 * Ask about decisions of an earlier visit that were not saved, and are not on photos of this page.
 * @param {Kept[]} rows
 */
function showWaiting(rows) {
  const place = part(bar, ".waiting");
  place.hidden = rows.length === 0;
  const words = element("span", "", `Not saved at an earlier visit, for other photos than these: ${inWords(rows.length, "decision")}`);
  const accept = plainButton("Save", () => {
    for (const row of rows) madeHere.add(subjectOf(row));
    sendUnsaved();
  });
  const forget = plainButton("Forget", () => {
    keep(rows.map((row) => [subjectOf(row), null]));
    repaint();
  });
  place.replaceChildren(words, " ", accept, " ", forget);
}
