"use strict";

// The page that asks about photos. Each photo has a card, which shows the answer of the server; if
// a neighbour is followed, it shows that one's neighbours, with a trail back to the photo.

/** @type {AskData} */
const data = JSON.parse(part(document, "#data").textContent);

const AT_ONCE = 2; // Questions that are sent at a time.
const FEW = 4; // With more photos to go, their answers are not announced one by one.
// The pictures that all browsers show; of others, the server sends one.
const SHOWN = ["image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp"];
const NOT_REACHED =
  "The server cannot be reached. Check that “python -m similar_images serve” still runs, then try again.";
const UNSURE = 0.2; // A class of less confidence does not look like a result.
const NOT_READ =
  "This file cannot be read: it is a folder, or was moved or deleted. Add the photos themselves.";

const list = part(document, ".cards");
const settings = part(document, ".filters", HTMLFormElement);
const neighboursInput = part(settings, "[name=neighbours]", HTMLInputElement);
const labelSelect = part(settings, "[name=label]", HTMLSelectElement);
const againButton = part(document, "#again");

/** @type {Asked[]} */
let asked = []; // In the order of the page.
/** @type {Asked[]} */
let waiting = []; // Photos that are yet to be sent, in order.
let sending = 0;
let chosen = query(); // The settings of the answers that are shown or asked for.
/** @type {Map<string, Decidable>} */
const photos = new Map(); // Those that can be decided on, by content id.
/** @type {Map<string, string>} */
const keptAs = new Map(); // The names of those in the inbox, by content id.
// The browser's history may have trails from before a reload, so ids are not used twice.
const life = Date.now();
let numberAdded = 0;

// ---- The server

/** Why there is no answer, in words for the reader, and whether it helps to try again. */
class Problem extends Error {
  /** @param {string} words @param {boolean} passes */
  constructor(words, passes) {
    super(words);
    this.passes = passes;
  }
}

/**
 * Return the words of a Problem; throw anything else.
 * @param {unknown} problem
 */
function wordsOf(problem) {
  if (problem instanceof Problem) return problem.message;
  throw problem;
}

/**
 * Ask the server, and return what it says. If this is of no use, throw a Problem.
 * @param {string} address @param {RequestInit} [options]
 */
async function request(address, options) {
  const response = await fetch(address, options).catch(() => {
    throw new Problem(NOT_REACHED, true);
  });
  const said = await response.json().catch(() => null);
  if (response.ok && said) return said;
  const words = said?.detail ?? `The server failed (status ${response.status}). Its console says why.`;
  throw new Problem(words, response.status >= 500);
}

/**
 * Send a photo.
 * @param {string} address @param {File} file
 */
async function sendPhoto(address, file) {
  // With a folder, or a file that is gone, the server would seem to be gone.
  await file.slice(0, 1).arrayBuffer().catch(() => {
    throw new Problem(NOT_READ, false);
  });
  const body = new FormData();
  body.append("photo", file, file.name);
  return request(address, { method: "POST", headers: { Project: projectOfPage() }, body });
}

/** Return the settings in the form, as an address has them. */
function query() {
  const given = new URLSearchParams({ neighbours: neighboursInput.value });
  if (labelSelect.value) given.set("label", labelSelect.value);
  return String(given);
}

/**
 * Return the neighbours that the server names, as the cards show them.
 * @param {AnswerNeighbour[]} neighbours
 * @returns {Similar[]}
 */
function similarOf(neighbours) {
  return neighbours.map(({ image: name, class: label, similarity, content_id }) => ({
    ...{ name, path: name, label, similarity },
    picture: `/pictures/${content_id}.jpg`,
  }));
}

// ---- Photos and their answers

/** @param {File[]} files */
function add(files) {
  if (files.length === 0) return;
  sayFault("");
  const added = files.map(makeAsked);
  asked = [...added, ...asked];
  list.prepend(...added.map(({ card }) => card));
  reach(added[0].card);
  ask(added);
}

/**
 * @param {File} file
 * @returns {Asked}
 */
function makeAsked(file) {
  numberAdded += 1;
  return {
    id: `${life}-${numberAdded}`,
    file,
    card: part(copyOf("asked"), ".card"),
    picture: SHOWN.includes(file.type) ? URL.createObjectURL(file) : null,
    isAsking: false,
    answer: null,
    problem: null,
    notKept: "",
    trail: [],
    found: [],
    notFound: null,
  };
}

/**
 * Ask about photos, after those that wait already.
 * @param {Asked[]} some
 */
function ask(some) {
  for (const one of some) {
    one.isAsking = true;
    one.problem = null;
    paintCard(one); // An earlier answer stays until the new one is there, so that nothing jumps.
  }
  waiting = [...waiting.filter((one) => !some.includes(one)), ...some];
  while (sending < AT_ONCE && waiting.length > 0) sendNext();
  paintCounts();
}

async function sendNext() {
  const one = waiting.shift();
  if (!one) return;
  sending += 1;
  const given = chosen;
  // If the settings have changed since, the photo waits again.
  const isCurrent = () => given === chosen && asked.includes(one);
  try {
    const { answers } = await sendPhoto(`/ask?${given}`, one.file);
    if (isCurrent()) receive(one, answers[0]);
  } catch (problem) {
    if (isCurrent()) fail(one, problem);
  } finally {
    sending -= 1;
    sendNext();
    paintCounts();
  }
}

/** @param {Asked} one @param {Answer} answer */
function receive(one, answer) {
  one.isAsking = false;
  one.answer = answer;
  const { content_id: content, prediction, duplicate } = answer;
  if (data.inbox && content && !answer.error) {
    const name = keptAs.get(content) ?? one.file.name;
    photos.set(content, { content, name, label: "", prediction: prediction ?? "", duplicate: duplicate ?? "" });
  }
  follow(one);
  paintCard(one);
  repaint();
  announce(one);
}

/** @param {Asked} one @param {unknown} problem */
function fail(one, problem) {
  if (!(problem instanceof Problem)) throw problem;
  one.isAsking = false;
  one.answer = null;
  one.problem = problem;
  paintCard(one);
  announce(one);
}

/** @param {Asked} one */
function announce(one) {
  const left = waiting.length + sending - 1;
  if (left >= FEW) return;
  const words = `${one.file.name}: ${captionOf(one)}`.replace(/\.?$/, ".");
  report(left > 0 ? `${words} ${inWords(left, "photo")} to go.` : words);
}

function paintCounts() {
  const open = waiting.length + sending;
  const failed = failedOnes().length;
  const toGo = open > 0 ? `, ${open.toLocaleString("en")} to be answered` : "";
  part(document, ".shown").textContent = asked.length > 0 ? inWords(asked.length, "photo") + toGo : "";
  part(document, "#clear").hidden = asked.length === 0;
  againButton.hidden = failed < 2;
  againButton.textContent = `Try ${inWords(failed, "photo")} again`;
}

/** Return the photos for which it helps to try again. */
function failedOnes() {
  return asked.filter(({ problem }) => problem?.passes);
}

function clear() {
  for (const { picture } of asked) if (picture) URL.revokeObjectURL(picture);
  asked = [];
  waiting = [];
  photos.clear();
  list.replaceChildren();
  repaint();
  paintCounts();
  part(document, '[data-add="choose"]').focus();
}

// ---- Cards

/** @param {Asked} one */
function statusOf({ answer, problem }) {
  if (problem || answer?.error) return "rejected";
  if (!answer) return "new";
  return answer.refused ? "refused" : "answered";
}

/** @type {Record<string, string>} */
const SIGNS = { rejected: "!", refused: "–" };

/** @param {Asked} one */
function headlineOf({ answer, problem }) {
  if (problem) return "No answer";
  if (!answer) return "Asking…";
  if (answer.error) return "Cannot be read";
  return answer.refused ? "Refused" : (answer.prediction ?? "");
}

/** @param {Asked} one */
function linesOf({ answer, problem }) {
  if (problem) return [element("span", "", problem.message)];
  if (!answer) return [];
  const { error, refused, prediction, likely_classes: likely, note: said } = answer;
  const reason = error ? `${error}. ${nextStep(error)}` : refused;
  const others = likely.filter((name) => name !== prediction);
  return [
    ...(reason ? [element("span", "", reason)] : []),
    ...(others.length > 0 ? [line("or: ", othersInWords(others))] : []),
    ...(said ? [line("note: ", said)] : []),
  ];
}

/**
 * Return what helps with a file that cannot be read. The beginnings are those of decoding.py.
 * @param {string} error
 */
function nextStep(error) {
  if (/^(damaged|empty)/.test(error)) return "Get the file again from where it came from.";
  return /^(not a|a TIFF)/.test(error) ? "If it is a photo, save it as JPEG and add it again." : "";
}

/** @param {Asked} one */
function sureness({ answer }) {
  return answer?.prediction ? confidenceInWords(answer.confidence) : "";
}

/** @param {Asked} one */
function captionOf(one) {
  const lines = linesOf(one).map(({ textContent }) => textContent);
  return [headlineOf(one), sureness(one), ...lines].filter(Boolean).join(", ");
}

/** @param {Asked} one */
function paintCard(one) {
  const { card, answer, file } = one;
  const status = statusOf(one);
  card.className = `card item ${status}`;
  card.classList.toggle("asking", one.isAsking);
  card.classList.toggle("unsure", (answer?.confidence ?? UNSURE) < UNSURE);
  card.dataset.content = answer?.content_id ?? "";
  card.setAttribute("aria-label", `${file.name}: ${headlineOf(one)}`);
  part(card, ".query").replaceChildren(smallPicture(photoShown(one), "Photo", () => openLarge(one, 1)));
  const name = part(card, "h3");
  name.textContent = file.name;
  name.title = file.name;
  const sign = SIGNS[status] ? [statusSign(status, SIGNS[status])] : [];
  part(card, ".status").replaceChildren(...sign, element("span", "", headlineOf(one)));
  part(card, ".confidence").textContent = sureness(one);
  part(card, ".named").replaceChildren(...linesOf(one));
  part(card, ".duplicate").textContent = answer?.duplicate ? DUPLICATE[answer.duplicate] + answer.duplicate_of : "";
  part(card, ".votes").replaceChildren(...(answer ? votesOf(votedOf(answer)) : []));
  part(card, ".decide").replaceChildren();
  makeMarks(card);
  paintKeeping(one);
  paintFound(one);
}

/**
 * Return the votes of an answer. An object of JavaScript has names that are numbers first, so the
 * votes are sorted.
 * @param {Answer} answer
 * @returns {Voted}
 */
function votedOf({ prediction, voters, vote_counts: counts }) {
  /** @param {string} name */
  const first = (name) => Number(name === prediction);
  const votes = Object.entries(counts).sort(([a, n], [b, m]) => first(b) - first(a) || m - n);
  return { prediction: prediction ?? "", voters, votes };
}

/**
 * Return the asked photo with its small picture; none of a damaged one, which browsers may not show.
 * @param {Asked} one
 * @returns {Photo}
 */
function photoShown({ file, picture, answer }) {
  const shown = answer?.error ? null : (answer?.picture ?? picture);
  return { name: file.name, path: file.name, picture: shown };
}

/**
 * Return the asked photo with its large picture: the photo itself if browsers can show it.
 * @param {Asked} one
 * @returns {Photo}
 */
function photoLarge({ file, picture, answer }) {
  return { name: file.name, path: file.name, picture: picture ?? answer?.picture ?? null };
}

/**
 * Show the neighbours of the photo, or of the last photo of its trail.
 * @param {Asked} one
 */
function paintFound(one) {
  const { card, answer, found, notFound, trail } = one;
  part(card, ".found").hidden = !answer || Boolean(answer.error);
  part(card, ".none").hidden = found.length > 0 || notFound !== null || !labelSelect.value;
  part(card, ".not-found").replaceChildren(...(notFound ? [notFound.message, ...again(one, notFound)] : []));
  part(card, ".similar").replaceChildren(...found.map((photo, place) => foundItem(one, photo, place)));
  part(card, ".trail").replaceChildren(...(trail.length > 0 ? [trailOf(one)] : []));
}

/**
 * Return a button that tries once more to find what is like a photo, if this helps.
 * @param {Asked} one @param {{ passes: boolean }} problem
 */
function again(one, { passes }) {
  return passes ? [" ", plainButton("Try again", () => arrive(one))] : [];
}

/** @param {Asked} one @param {Similar} photo @param {number} place */
function foundItem(one, photo, place) {
  const item = similarItem(photo, place, () => openLarge(one, place + 1));
  const more = element("button", "link", "More like this");
  more.type = "button";
  more.setAttribute("aria-label", `More like this: ${fileName(photo.name)}, ${photo.label}`);
  more.addEventListener("click", () => go(one, [...one.trail, photo]));
  item.append(more);
  return item;
}

// ---- The trail: from the photo to a neighbour, to a neighbour of that, and back

/** @param {Asked} one */
function trailOf(one) {
  const made = element("ol", "");
  made.append(...[photoShown(one), ...one.trail].map((photo, place) => trailStep(one, photo, place)));
  return made;
}

/** @param {Asked} one @param {Photo} photo @param {number} place */
function trailStep(one, photo, place) {
  const isLast = place === one.trail.length;
  const made = isLast ? element("span", "here") : element("button", "link");
  const small = element("span", "picture");
  small.append(image(photo, ""));
  made.append(small, element("span", "", fileName(photo.name)));
  made.title = photo.path;
  if (made instanceof HTMLButtonElement) {
    made.type = "button";
    made.addEventListener("click", () => go(one, one.trail.slice(0, place)));
  } else {
    made.tabIndex = -1;
    made.setAttribute("aria-current", "step");
  }
  const item = element("li", "");
  item.append(made);
  return item;
}

/**
 * Go to another place of the trail; the browser's Back returns to this one.
 * @param {Asked} one @param {Similar[]} trail
 */
function go(one, trail) {
  one.trail = trail;
  history.pushState(trails(), "");
  arrive(one);
}

/** Return the trails of all photos, for the browser's history. */
function trails() {
  return Object.fromEntries(asked.map(({ id, trail }) => [id, trail]));
}

/** @param {Record<string, Similar[]>} state */
function goBack(state) {
  for (const one of asked) {
    const trail = state[one.id] ?? [];
    if (JSON.stringify(trail) === JSON.stringify(one.trail)) continue;
    one.trail = trail;
    arrive(one);
  }
}

/**
 * Show the end of a trail, and bring the focus there.
 * @param {Asked} one
 */
async function arrive(one) {
  await follow(one);
  const here = one.card.querySelector(".trail .here");
  if (here instanceof HTMLElement) here.focus();
  else one.card.focus();
}

/**
 * Find and show what is like the last photo of a trail.
 * @param {Asked} one
 */
async function follow(one) {
  const given = chosen;
  const { trail } = one;
  const last = trail.at(-1);
  /** @type {AnswerNeighbour[]} */
  let neighbours = [];
  let notFound = null;
  try {
    neighbours = last ? await similarTo(last) : (one.answer?.neighbours ?? []);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    notFound = problem;
  }
  if (one.trail !== trail || given !== chosen) return; // The reader has gone on.
  one.found = similarOf(neighbours);
  one.notFound = notFound;
  if (last) report(notFound?.message ?? `${inWords(neighbours.length, "photo")} like ${fileName(last.name)}`);
  paintFound(one);
}

/**
 * Return the neighbours of a photo of the catalogue.
 * @param {Similar} photo
 */
async function similarTo({ name }) {
  const { neighbours } = await request(`/similar?${chosen}&${new URLSearchParams({ image: name })}`);
  return neighbours;
}

// ---- Keeping and deciding

/** @param {Asked} one */
function paintKeeping(one) {
  const content = one.answer?.content_id ?? "";
  const name = keptAs.get(content) ?? decidedAs(content);
  const shown = [];
  if (one.problem?.passes) shown.push(plainButton("Try again", () => ask([one])));
  else if (name) shown.push(element("p", "", `Kept in ${data.inbox} as ${name}`));
  else if (photos.has(content)) shown.push(plainButton(`Keep in ${data.inbox}`, () => keepPhoto(one)));
  if (one.notKept) {
    const fault = element("p", "fault", one.notKept);
    fault.setAttribute("role", "alert");
    shown.push(fault);
  }
  const place = part(one.card, ".keeping");
  const hadFocus = place.contains(document.activeElement);
  place.replaceChildren(...shown);
  if (hadFocus) one.card.focus();
}

/**
 * Return the name of a photo in the inbox if it was decided on there, at an earlier visit perhaps.
 * @param {string} content
 */
function decidedAs(content) {
  return decisionsOn(content).find(({ set }) => set === data.inbox)?.image;
}

/**
 * Keep a photo in the inbox, and return it as it can be decided on; undefined if it was not kept.
 * @param {Asked} one
 */
async function keepPhoto(one) {
  const photo = photos.get(one.answer?.content_id ?? "");
  if (!photo || keptAs.has(photo.content)) return photo;
  try {
    const { image: name, run } = await sendPhoto("/inbox", one.file);
    photo.name = name;
    showRun(run);
  } catch (problem) {
    one.notKept = `Not kept: ${wordsOf(problem)}`;
    paintKeeping(one);
    if (document.querySelector("dialog[open]")) say(one.notKept); // It covers the card.
    return undefined;
  }
  one.notKept = "";
  keptAs.set(photo.content, photo.name);
  asked.filter(({ answer }) => answer?.content_id === photo.content).forEach(paintKeeping);
  report(`${one.file.name} is kept in ${data.inbox} as ${photo.name}`);
  return photo;
}

/**
 * Keep a photo before it is decided on: only what is in a query set can be.
 * @param {Decidable} photo
 */
async function keepFirst({ content }) {
  const one = asked.find(({ answer }) => answer?.content_id === content);
  return one && keepPhoto(one);
}

// ---- The large view

/** @param {Asked} one @param {number} position */
function openLarge(one, position) {
  showLarge(asked.indexOf(one), position);
}

/**
 * @param {number} place
 * @returns {Shown}
 */
function largeAt(place) {
  const one = asked[place];
  return {
    content: one.answer?.content_id ?? null,
    title: one.file.name,
    answer: captionOf(one),
    asked: { photo: photoLarge(one), title: "Photo", words: "Photo" },
    others: one.found.map(similarPane),
  };
}

// ---- Words for the reader

/** @param {string} words */
function sayFault(words) {
  part(document, "#fault").textContent = words;
}

/**
 * Tell those who do not see the page what has happened.
 * @param {string} words
 */
function report(words) {
  part(document, "#arrived").textContent = words;
}

/**
 * Show the command of a run, if one is needed.
 * @param {string | null} command
 */
function showRun(command) {
  const notice = part(document, ".run");
  notice.hidden = !command;
  part(notice, ".command").textContent = command;
  part(notice, "button").textContent = "Copy";
  // Browsers have a clipboard only for pages of this machine, and for those that are encrypted.
  part(notice, "button").hidden = !navigator.clipboard;
}

/** Show what decisions need, once there are some, and the bar, once there is something to decide. */
function paintDeciding() {
  updateNote();
  part(document, ".run .setting").hidden = data.decisions_used || inFile.size === 0;
  const isIdle = photos.size === 0 && steps.length === 0 && memory.size === 0;
  part(document, ".deciding").hidden = !data.inbox || isIdle;
}

async function copyCommand() {
  const command = part(document, ".run .command").textContent;
  try {
    await navigator.clipboard.writeText(command);
    report(`Copied: ${command}`);
    part(document, ".run button").textContent = "Copied";
  } catch {
    sayFault("The browser does not copy the command. Select it, and copy it yourself.");
  }
}

// ---- What the reader does

function changeSettings() {
  const isValid = neighboursInput.validity.valid;
  neighboursInput.setAttribute("aria-invalid", String(!isValid));
  part(settings, ".fault").textContent = isValid ? "" : "Allowed are 3 to 50 similar photos.";
  if (!isValid) return;
  chosen = query();
  ask(asked);
}

/**
 * Take photos out of what was dropped or pasted.
 * @param {DataTransfer | null} given @param {string} otherwise
 */
function take(given, otherwise) {
  const files = [...(given?.files ?? [])];
  if (files.length > 0) add(files);
  else sayFault(otherwise);
}

/** @param {DragEvent} event */
function dragged(event) {
  event.preventDefault(); // The browser would go to the file.
  document.body.classList.toggle("dragging", event.type === "dragover");
}

document.addEventListener("dragover", dragged);
document.addEventListener("dragleave", dragged);
document.addEventListener("drop", (event) => {
  dragged(event);
  take(event.dataTransfer, "What you dropped is not a file. Save the photo first, then drop the file.");
});
document.addEventListener("paste", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  take(event.clipboardData, "There is no photo in the clipboard. Copy a photo, then paste it.");
});
for (const button of parts(document, "[data-add]")) {
  const input = part(document, `#${button.dataset.add}`, HTMLInputElement);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    add([...(input.files ?? [])]);
    input.value = ""; // The same photo can be chosen again.
  });
}
part(document, "[data-add=camera]").hidden = navigator.maxTouchPoints === 0; // No phone or tablet.
settings.addEventListener("change", changeSettings);
settings.addEventListener("submit", (event) => event.preventDefault());
againButton.addEventListener("click", () => ask(failedOnes()));
part(document, "#clear").addEventListener("click", clear);
part(document, ".run button").addEventListener("click", copyCommand);
window.addEventListener("popstate", (event) => goBack(event.state ?? {}));

startLarge({
  address: (picture) => picture,
  number: () => asked.length,
  at: largeAt,
  leave: (place) => asked[place].card.focus(),
});
startDeciding({
  ...{ set: data.inbox ?? "", classes: data.classes, decided: data.decided, photos },
  keep: keepFirst,
  takesPhotos: true,
  open: (card) => showLarge(asked.findIndex((one) => one.card === card)),
  changed: paintDeciding,
});
showRun(data.run);
