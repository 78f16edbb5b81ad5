"use strict";

// Saves each decision in the project's file at once, on a page that a server sends. The server says
// so by an element `<meta name="decisions-address">`; without it, nothing here is used.
//
// A decision is in the browser until the file has it. What could not be saved is sent again with
// the next decision, and when the page is opened or looked at again. The file keeps all lines, so
// to take a decision back is a decision, too.

const SECONDS_TO_ANSWER = 30; // The server waits up to 10 for other programs that save.

// What the server said: where it saves, whether a run reads that, and the command of a run.
let serverSaid = { file: "decisions.csv", used: true, run: "" };
let isStale = true; // Whether the file may have decisions that this page does not know.
let notSaved = ""; // Why the last decisions were not saved.
/** @type {Set<string>} */
const madeHere = new Set(); // Subjects that were decided on here, or that people accepted.
let requests = Promise.resolve(); // The requests, one after the other: one is on its way,
let isWaiting = false; // and another may wait.

/** What the server did not do, and why. */
class NotDone extends Error {}

/** @type {HTMLMetaElement | null} */
const addressOfDecisions = document.querySelector('meta[name="decisions-address"]');
if (addressOfDecisions) saver = { start: startSaving, send: sendUnsaved, look: lookAtFile, rowsFor, show: showSaved };

function startSaving() {
  window.addEventListener("focus", lookAtFile); // Somebody else may have decided.
  lookAtFile();
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
    const notice = isStale ? await readFile() : "";
    const rows = unsaved();
    if (rows.length > 0) await saveRows(rows);
    if (notSaved || notice) say(notice);
    notSaved = "";
  } catch (error) {
    isStale = true;
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
  return `Not saved: ${why} This browser keeps your decisions, and sends them again with the next one.`;
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
  throw new NotDone(typeof detail === "string" ? detail : `The server answered with the error ${response.status}.`);
}

/** Read the file, and return what people should know, or "". */
async function readFile() {
  isStale = false;
  const address = addressOfDecisions?.content ?? "";
  const overview = await requested(new URL("catalogue", new URL(address, location.href)).href);
  const { decisions } = await requested(address);
  serverSaid = { file: overview.decisions, used: overview.decisions_used, run: overview.run ?? serverSaid.run };
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
  const answer = await requested(addressOfDecisions?.content ?? "", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ decisions }),
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
 * Whether a decision may be saved here without asking. Another project may have been at this address.
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
  const setting = serverSaid.used ? "" : `set “decisions: ${serverSaid.file}” in config.yaml, and `;
  return `To apply your decisions, ${setting}run ${serverSaid.run || "again"}.`;
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
