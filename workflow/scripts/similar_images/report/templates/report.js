"use strict";

/** @type {ReportData} */
const data = JSON.parse(part(document, "#data").textContent);
const { cards, folder, images } = data;
// In a page that is sent as one file: its pictures, and where the whole page is, see portable.py.
const { portable } = data;
const lacksPhotos = portable !== undefined && portable.all > cards.length;

const CHUNK = 48; // Cards that are added at once: more than a screen, few enough to be quick.
const EMPTY = {
  ...{ status: "", label: "", prediction: "", duplicate: "", decided: "", changed: "", added: "" },
  ...{ fault: "", from: "", to: "", similarity: "", sort: "", view: "", search: "", group: "" },
};
/** @type {Record<Card["status"], [string, string]>} */
const STATUS = {
  right: ["✓", "Right"],
  wrong: ["✕", "Wrong"],
  unlabelled: ["?", "No label"],
  refused: ["–", "Refused"],
  rejected: ["!", "Rejected"],
};
/** @type {Intl.DateTimeFormatOptions} */
const MINUTE = { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" };

const form = part(document, ".filters", HTMLFormElement);
const list = part(document, ".cards");
const more = part(document, ".more");
const many = part(document, ".many");

/** @type {ReturnType<typeof confidenceOf>} */
let leastSimilarity = null; // Less similar neighbours are hidden.
/** @type {Set<Card>} */
const opened = new Set(); // The cards that show their further neighbours.

/** @type {Card[]} */
let matching = []; // The cards that fit the filter, in order; the first of them are in the list.
const severalTimes = new Set(cards.map((card) => card.added).filter(Boolean)).size > 1;
/** @type {HTMLInputElement | null} */
let typedLast = null; // The text box of the last change of the filter.

// ---- Cards

/** @param {Card} card */
function makeCard(card) {
  const item = part(copyOf("card"), ".card");
  item.classList.add(card.status);
  item.dataset.content = card.content ?? "";
  item.dataset.number = String(cards.indexOf(card));
  part(item, ".query").append(smallPicture(card, "Query", () => openLarge(card, 1)));
  const name = part(item, "h3");
  name.textContent = fileName(card.name);
  name.title = card.path;
  part(item, ".status").append(...statusOf(card));
  part(item, ".named").append(...answerOf(card));
  item.setAttribute("aria-label", `${fileName(card.name)}: ${STATUS[card.status][1]}`);
  const duplicate = part(item, ".duplicate");
  if (card.duplicate) {
    duplicate.textContent = DUPLICATE[card.duplicate] + card.duplicate_of;
  } else {
    duplicate.remove();
  }
  makeMarks(item);
  part(item, ".added").textContent = severalTimes ? addedWords(card) : "";
  const votes = part(item, ".votes");
  const confidence = part(item, ".confidence");
  if (!card.similar.length) {
    votes.remove();
    part(item, ".similar").remove();
    confidence.remove();
    return item;
  }
  confidence.textContent = confidenceInWords(card.confidence);
  votes.append(...votesOf(card));
  showNeighbours(item, card);
  return item;
}

// ---- The neighbours: three on each card, and up to 20 once it is opened

/**
 * Show the neighbours of a card, and the button for the further ones.
 * @param {HTMLElement} item @param {Card} card
 */
function showNeighbours(item, card) {
  const shown = neighboursOf(card);
  item.classList.toggle("opened", opened.has(card));
  part(item, ".similar").replaceChildren(
    ...shown.map((photo, number) => similarItem(photo, number, () => openLarge(card, number + 1))),
  );
  part(item, ".none-similar").textContent = shown.length === 0 ? noneSimilar() : "";
  part(item, ".further").replaceChildren(...furtherButton(item, card));
}

/** Say that all neighbours of a card are less similar than is wanted. */
function noneSimilar() {
  const { inPercent, decimals } = leastSimilarity ?? { inPercent: 0, decimals: 0 };
  return `none is at least ${(inPercent / 100).toFixed(decimals + 2)} similar`;
}

/** @param {HTMLElement} item @param {Card} card */
function furtherButton(item, card) {
  const number = furtherOf(card).length;
  if (number === 0) return [];
  const words = opened.has(card) ? "Show fewer" : `Show ${number} more like this`;
  const button = plainButton(words, () => {
    if (!opened.delete(card)) opened.add(card);
    showNeighbours(item, card);
    part(item, ".further button").focus();
  });
  button.setAttribute("aria-expanded", String(opened.has(card)));
  return [button];
}

/**
 * Return the neighbours that a card shows.
 * @param {Card} card
 * @returns {Similar[]}
 */
function neighboursOf(card) {
  return [...card.similar.filter(isSimilarEnough), ...(opened.has(card) ? furtherOf(card) : [])];
}

/**
 * Return the further neighbours of a card that are similar enough.
 * @param {Card} card
 * @returns {Similar[]}
 */
function furtherOf({ further: [numbers, similarities] }) {
  return numbers.map((number, place) => furtherNeighbour(images[number], similarities[place])).filter(isSimilarEnough);
}

/**
 * Whether a neighbour is to be shown, by its similarity as the cards show it.
 * @param {Similar} neighbour
 */
function isSimilarEnough({ similarity }) {
  const inPercent = Number((100 * similarity).toFixed(1));
  return !leastSimilarity || inPercent >= leastSimilarity.inPercent;
}

/**
 * @param {CatalogueImage} image @param {number} similarity
 * @returns {Similar}
 */
function furtherNeighbour([name, path, label, content, hasPicture], similarity) {
  const known = { name, path, label, similarity };
  return hasPicture ? { ...known, picture: content } : { ...known, picture: null, original: originalOf(path, content) };
}

/**
 * Return where a photo without a small picture is. The server has a picture of each; without it,
 * the photo itself is shown, unless it is at an address or in a zip or Parquet file.
 * @param {string} path @param {string} content
 */
function originalOf(path, content) {
  if (decisionsAddress) return new URL(`pictures/${content}.jpg`, new URL(decisionsAddress, location.href)).href;
  if (/^\w+:/.test(path)) return "";
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return path.startsWith("/") ? encoded : `${data.project}/${encoded}`;
}

/** @param {Card} card */
function statusOf(card) {
  const [sign, name] = STATUS[card.status];
  return [statusSign(card.status, sign), element("span", "", name)];
}

/** @param {Card} card */
function answerOf(card) {
  const lines = [...namedOf(card)];
  if (card.decision && card.original_label !== card.label) lines.push(line("original label ", card.original_label || "–"));
  if (card.before !== null) lines.push(line("before: ", card.before || "–"));
  if (card.note) lines.push(line("note: ", card.note));
  if (card.photo_faults.length > 0) lines.push(line("photo: ", faultsInWords(card)));
  lines.push(...card.extra_columns.map(([name, value]) => line(`${name} `, value)));
  if (card.product && card.product.photos > 1) lines.push(productOf(card.product, card.label));
  return lines;
}

/** @param {Card} card */
function faultsInWords({ photo_faults: faults }) {
  return faults.map((fault) => data.fault_words[fault]).join(", ");
}

/** @param {Card} card */
function namedOf(card) {
  if (card.status === "rejected" || card.status === "refused") {
    const labelled = card.label ? [line("label ", card.label)] : [];
    return [element("span", "", card.reason), ...labelled];
  }
  const others = card.others.length > 0 ? [line("or: ", othersInWords(card.others))] : [];
  if (card.status !== "wrong") return [line("", card.prediction), ...others];
  return [line("taken for ", card.prediction), ...others, line("label ", card.label)];
}

/**
 * Say what a product is. Right and wrong are of the photo alone, so the product has its own.
 * @param {Product} product @param {string} label
 */
function productOf({ photos, prediction }, label) {
  const made = line(`all ${photos} photos of the product: `, prediction || "–");
  if (label && prediction) made.append(label === prediction ? " (right)" : " (wrong)");
  return made;
}

/**
 * Say which photos a page that is sent as one file lacks.
 * @param {{ all: number, address: string, which: string }} whole
 */
function showLeftOut(whole) {
  const notice = part(document, ".left-out");
  notice.textContent =
    `This file has ${cards.length.toLocaleString("en")} of the ${inWords(whole.all, "photo")}, in small ` +
    `pictures: ${whole.which}. The numbers on this page count all ` +
    "photos, so a number can lead to fewer photos than it counts. All of them are in " +
    `${whole.address}, in the project that made this file.`;
  notice.hidden = false;
}

// ---- The list, which grows as it is scrolled

function grow(number = CHUNK) {
  const first = list.childElementCount;
  list.append(...matching.slice(first, first + number).map(makeCard));
  more.hidden = list.childElementCount === matching.length;
}

function growToFill() {
  grow();
  // Observed again, it reports again whether the end of the list is near.
  nearEnd.unobserve(more);
  nearEnd.observe(more);
}

const nearEnd = new IntersectionObserver(
  ([entry]) => {
    if (entry.isIntersecting && !more.hidden) growToFill();
  },
  { rootMargin: "1500px" },
);

// ---- The filter, which is kept in the address

/**
 * Return a filter out of what an address or the form has.
 * @param {URLSearchParams | FormData} given
 */
function filterOf(given) {
  const values = Object.keys(EMPTY).map((name) => [name, given.get(name) ?? ""]);
  return /** @type {typeof EMPTY} */ (Object.fromEntries(values));
}

function readAddress() {
  return filterOf(new URLSearchParams(location.hash.slice(1)));
}

function readForm() {
  return filterOf(new FormData(form));
}

/**
 * Put the filter into the form, and return what the form makes of it: unknown values are gone.
 * @param {typeof EMPTY} filter
 */
function writeForm(filter) {
  for (const [name, value] of Object.entries(filter)) {
    const control = /** @type {HTMLInputElement | HTMLSelectElement | RadioNodeList | null} */ (
      form.elements.namedItem(name)
    );
    if (!control) continue;
    if (control instanceof RadioNodeList) {
      // Chromium does not choose the one of the value "".
      const radios = /** @type {HTMLInputElement[]} */ ([...control]);
      (radios.find((radio) => radio.value === value) ?? radios[0]).checked = true;
      continue;
    }
    control.value = "";
    control.value = value;
    if (control instanceof HTMLSelectElement && control.selectedIndex < 0) control.value = "";
  }
  return readForm();
}

/** @param {typeof EMPTY} filter */
function writeAddress(filter) {
  const given = Object.entries(filter).filter(([, value]) => value !== "");
  const written = `#${new URLSearchParams(given)}`;
  const control = document.activeElement instanceof HTMLInputElement ? document.activeElement : null;
  const typing = control?.matches("[type=search], [type=text]") ? control : null;
  // Back leads to the view before, not to each letter that was typed. Not history.replaceState,
  // which is refused where the page is shown inside another one.
  if (typing && typing === typedLast) location.replace(written);
  else location.assign(written);
  typedLast = typing;
}

/** @param {typeof EMPTY} filter @param {typeof EMPTY} other */
function sameFilter(filter, other) {
  const names = /** @type {(keyof typeof EMPTY)[]} */ (Object.keys(EMPTY));
  return names.every((name) => filter[name] === other[name]);
}

// ---- Confidences and similarities, as people write them

/** @type {Record<string, string>} */
const ALLOWED = {
  confidence: "allowed are 0 to 100 %, such as 71 %, 71 or 0.71; 1 is 100 %",
  similarity: "allowed are 0 to 1, such as 0.8, 0,8 or 80 %",
};
const PLURALS = /** @type {Record<string, string>} */ ({ confidence: "confidences", similarity: "similarities" });

/**
 * Return a confidence in percent, and its number of decimals; null where a text has none. Up to 1
 * it is a share, unless it has a percent sign.
 * @param {string} text
 */
function confidenceOf(text) {
  const [, number, percent] = /^(\d+[.,]?|\d*[.,]\d{1,9})\s*(%?)$/.exec(text.trim()) ?? [];
  if (!number) return null;
  const value = Number(number.replace(",", "."));
  const isShare = !percent && value <= 1;
  const written = number.split(/[.,]/)[1]?.length ?? 0;
  const decimals = isShare ? Math.max(written - 2, 0) : written;
  const inPercent = isShare ? Number((100 * value).toFixed(decimals)) : value;
  return inPercent > 100 ? null : { inPercent, decimals };
}

/**
 * Return the confidence in an input, null where it is empty or wrong.
 * @param {HTMLInputElement} input
 */
function readConfidence(input) {
  const found = confidenceOf(input.value);
  const wrong = !found && (input.required || input.value.trim() !== "");
  input.setAttribute("aria-invalid", String(wrong));
  return found;
}

/**
 * Say which inputs are wrong, after `readConfidence`.
 * @param {HTMLElement} place
 */
function showWrong(place) {
  part(place, ".fault").textContent = Object.keys(ALLOWED).flatMap((kind) => faultsOf(place, kind)).join(" ");
}

/** @param {HTMLElement} place @param {string} kind */
function faultsOf(place, kind) {
  const wrong = parts(place, `input[data-limit=${kind}][aria-invalid=true]`);
  if (wrong.length === 0) return [];
  const values = wrong.map((input) => `“${/** @type {HTMLInputElement} */ (input).value}”`);
  const verb = wrong.length === 1 ? `is no ${kind}` : `are no ${PLURALS[kind]}`;
  return [`${values.join(" and ")} ${verb}: ${ALLOWED[kind]}.`];
}

/**
 * Whether a card has a confidence that `compare` accepts, with as many decimals as the limit has:
 * 71 means all that the cards show as 71%.
 * @param {Card} card @param {ReturnType<typeof confidenceOf>} limit
 * @param {(shown: number, limit: number) => boolean} compare
 */
function keepsLimit({ confidence }, limit, compare) {
  if (!limit) return true;
  if (confidence === null) return false;
  return compare(Number((100 * confidence).toFixed(limit.decimals)), limit.inPercent);
}

/** @param {number} shown @param {number} limit */
const atLeast = (shown, limit) => shown >= limit;
/** @param {number} shown @param {number} limit */
const atMost = (shown, limit) => shown <= limit;

// ---- When photos were added

/** @param {string} when */
function timeInWords(when) {
  return new Date(when).toLocaleString("en-GB", MINUTE);
}

/** @param {Card} card */
function addedWords({ added }) {
  return added && `added ${timeInWords(added)}`;
}

/** Offer the times at which photos were added, newest first, with how many came since. */
function offerTimes() {
  const select = document.querySelector("select[name=added]");
  const times = [...new Set(cards.map((card) => card.added))].filter(Boolean).sort().reverse();
  const options = times.map((time) => {
    const since = cards.filter((card) => card.added >= time).length;
    return new Option(`since ${timeInWords(time)} (${inWords(since, "photo")})`, time);
  });
  select?.append(...options);
}

/** @param {Card} card @param {typeof EMPTY} filter */
function fits(card, filter) {
  return (
    (!filter.status || card.status === filter.status) &&
    (!filter.label || card.label === filter.label) &&
    (!filter.prediction || card.prediction === filter.prediction) &&
    fitsDuplicate(card, filter.duplicate) &&
    fitsFault(card, filter.fault) &&
    (!filter.changed || card.before !== null) &&
    (!filter.added || card.added >= filter.added) &&
    keepsLimit(card, confidenceOf(filter.from), atLeast) &&
    keepsLimit(card, confidenceOf(filter.to), atMost) &&
    (!filter.group || groupOf.get(card) === filter.group) &&
    (!filter.decided || Boolean(decisionOn(card.content)) === (filter.decided === "yes")) &&
    card.name.toLowerCase().includes(filter.search.trim().toLowerCase())
  );
}

/** @param {Card} card @param {string} wanted */
function fitsDuplicate(card, wanted) {
  if (wanted === "any") return card.duplicate !== "";
  if (wanted === "none") return card.duplicate === "";
  return !wanted || card.duplicate === wanted;
}

/** @param {Card} card @param {string} wanted */
function fitsFault({ photo_faults: faults }, wanted) {
  if (wanted === "any") return faults.length > 0;
  if (wanted === "none") return faults.length === 0;
  return !wanted || faults.includes(wanted);
}

/** @type {Record<string, (card: Card) => number>} */
const MEASURES = {
  similarity: (card) => card.similar[0].similarity,
  votes: (card) => card.votes[0][1] / card.voters,
  confidence: (card) => card.confidence ?? 0,
  review: (card) => card.review_order ?? Infinity,
};

/**
 * Return `found` sorted; files without an answer, which have nothing to sort by, come last.
 * @param {Card[]} found @param {string} sort
 */
function sorted(found, sort) {
  if (sort === "product") return byName(found, (card) => card.product?.name ?? "");
  if (sort === "prediction") return byName(found, (card) => card.prediction);
  if (sort === "newest") return [...found].sort((a, b) => b.added.localeCompare(a.added));
  const [name, order] = sort.split("-");
  const measure = MEASURES[name];
  if (!measure) return found;
  const sign = order === "low" ? 1 : -1;
  const answered = found.filter((card) => card.similar.length);
  const others = found.filter((card) => !card.similar.length);
  /** @param {Card} a @param {Card} b */
  const compare = (a, b) => sign * (measure(a) - measure(b)) || 0; // Both may be Infinity.
  return [...answered.sort(compare), ...others];
}

/**
 * Return `found` with the photos of one name, such as a product, side by side, sorted by name.
 * @param {Card[]} found @param {(card: Card) => string} nameOf
 */
function byName(found, nameOf) {
  const names = [...new Set(found.map(nameOf))].sort();
  const places = new Map(names.map((name, place) => [name, place]));
  /** @param {Card} card */
  const placeOf = (card) => places.get(nameOf(card)) ?? 0;
  return [...found].sort((a, b) => placeOf(a) - placeOf(b));
}

/** @param {typeof EMPTY} filter */
function show(filter) {
  part(document, ".sending").hidden = true; // It is about another view.
  matching = sorted(
    cards.filter((card) => fits(card, filter)),
    filter.sort,
  );
  for (const limit of parts(form, "[data-limit]")) {
    if (limit instanceof HTMLInputElement) readConfidence(limit);
  }
  leastSimilarity = confidenceOf(filter.similarity);
  showWrong(form);
  part(form, "[type=reset]").hidden = sameFilter(filter, { ...EMPTY, status: filter.status });
  list.classList.toggle("small", filter.view === "small");
  list.replaceChildren();
  growToFill();
  reach(list.querySelector("li"));
  countMany();
  const all = inWords(cards.length, "photo") + (lacksPhotos ? " in this file" : "");
  part(document, ".shown").textContent =
    matching.length === cards.length ? all : `${matching.length.toLocaleString("en")} of ${all}`;
  for (const button of parts(document, ".matrix button")) {
    const { label, prediction } = filterIn(button);
    const pressed = filter.label === label && filter.prediction === prediction;
    button.setAttribute("aria-pressed", String(pressed));
  }
}

/**
 * Return what a button sets of the filter.
 * @param {HTMLElement} button
 * @returns {Partial<typeof EMPTY>}
 */
function filterIn(button) {
  return JSON.parse(button.dataset.filter ?? "{}");
}

function change() {
  const filter = readForm();
  writeAddress(filter);
  show(filter);
}

/**
 * Bring the reader to a heading: the eyes and the focus.
 * @param {string} id
 */
function jump(id) {
  const heading = part(document, `#${id}`);
  heading.closest("details")?.setAttribute("open", "");
  heading.focus({ preventScroll: true });
  heading.scrollIntoView();
}

// ---- The order of the classes in the confusion matrix: by name, or the most confused first

/** @param {HTMLTableElement} table @param {boolean} byMistakes */
function orderMatrix(table, byMistakes) {
  /** @type {number[]} */
  const order = JSON.parse(table.dataset.byMistakes ?? "[]");
  const places = byMistakes ? order : order.map((_, place) => place);
  const body = table.tBodies[0];
  for (const row of [...table.rows]) {
    const [name, ...cells] = [...row.cells].sort(byPlace);
    row.append(name, ...places.map((place) => cells[place]));
  }
  const rows = [...body.rows].sort(byPlace);
  body.append(...places.map((place) => rows[place]));
}

/** @param {HTMLElement} a @param {HTMLElement} b */
function byPlace(a, b) {
  return Number(a.dataset.place) - Number(b.dataset.place);
}

// ---- Many at once: photos with a high confidence and no fault go into the catalogue

function sureOnes() {
  const least = readConfidence(part(many, "#least", HTMLInputElement));
  showWrong(many);
  const known = matching.filter((card) => card.content !== null);
  if (!least) return [];
  const good = known.filter((card) => card.photo_faults.length === 0);
  return adoptable(good.filter((card) => keepsLimit(card, least, atLeast)));
}

function countMany() {
  const photos = sureOnes();
  const number = photos.length;
  const button = part(many, "button", HTMLButtonElement);
  button.textContent = `Take ${inWords(number, "photo")} into the catalogue`;
  button.disabled = number === 0;
  part(many, ".as-classes").textContent = asClasses(photos);
}

function adoptMany() {
  const photos = sureOnes();
  if (photos.length === 0) return;
  adopt(photos);
  say(`${inWords(photos.length, "photo")} taken into the catalogue; Undo takes them all back.`);
}

// ---- Saving the view

/**
 * Return what predictions.csv says of a photo, as far as this page knows it.
 * @param {Card} card
 * @returns {Record<string, string>}
 */
function rowOf(card) {
  const answered = card.status !== "refused" && card.status !== "rejected";
  /** @type {Record<string, string>} */
  const similar = {};
  for (let n = 1; n <= 3; n += 1) {
    const photo = card.similar[n - 1];
    similar[`similar_${n}`] = photo?.name ?? "";
    similar[`class_${n}`] = photo?.label ?? "";
    similar[`similarity_${n}`] = String(photo?.similarity ?? "");
  }
  const judged = card.status === "right" || card.status === "wrong";
  return {
    image: card.name,
    label: card.label,
    prediction: card.prediction,
    votes: answered ? String(card.votes[0]?.[1] ?? "") : "",
    voters: card.status === "rejected" ? "" : String(card.voters),
    confidence: String(card.confidence ?? ""),
    correct: judged ? String(card.status === "right") : "",
    ...similar,
    refused: card.status === "refused" ? card.reason : "",
    duplicate: card.duplicate,
    duplicate_of: card.duplicate_of,
    original_label: card.original_label,
    decision: card.decision,
    error: card.status === "rejected" ? card.reason : "",
    added: card.added,
    row: card.row,
    note: card.note,
    photo_faults: card.photo_faults.join("|"),
    ...Object.fromEntries(card.extra_columns),
  };
}

/**
 * Return a time for the name of a file, such as 20261127-1314.
 * @param {Date} time
 */
function minuteIn(time) {
  const [year, ...rest] = [time.getFullYear(), time.getMonth() + 1, time.getDate(), time.getHours(), time.getMinutes()];
  const [month, day, hour, minute] = rest.map((number) => String(number).padStart(2, "0"));
  return `${year}${month}${day}-${hour}${minute}`;
}

/** Save the photos of this view, in its order, and return the name of the file. */
function saveView() {
  const rows = matching.map(rowOf);
  const columns = [...new Set(rows.flatMap(Object.keys))];
  // With the time: a browser gives a second file of the same name another one.
  const name = `${data.set}-view-${minuteIn(new Date())}.csv`;
  saveFile(csvOf(columns, rows), name);
  return name;
}

/** Save the photos of this view, and say how to make a page of them: no browser can read its pictures. */
function sendView() {
  const name = saveView();
  const said = part(document, ".sending");
  const command = `snakemake --cores 8 results/${data.set}/report_portable.html --config portable=${name}`;
  said.replaceChildren(
    `${inWords(matching.length, "photo")} saved in ${name}. Move this file next to config.yaml, and run `,
    element("code", "", command),
    ` there. It writes results/${data.set}/report_portable.html, one file with these photos, to send.`,
  );
  said.hidden = false;
}

// ---- The large view

/** @type {Card[]} */
let steppedThrough = []; // The photos that the large view steps through.

/**
 * Show a photo of the list large.
 * @param {Card} card @param {number} position
 */
function openLarge(card, position) {
  steppedThrough = matching;
  showLarge(matching.indexOf(card), position);
}

/**
 * Show a photo of a group large, among the others of it. The list stays as it is.
 * @param {Card} card @param {Card[]} group
 */
function openInGroup(card, group) {
  steppedThrough = group;
  showLarge(group.indexOf(card));
}

/**
 * @param {number} place
 * @returns {Shown}
 */
function largeAt(place) {
  const card = steppedThrough[place];
  return {
    content: card.content,
    title: fileName(card.name),
    answer: captionOf(card),
    added: addedWords(card),
    asked: { photo: card, title: "Query", words: "Query" },
    others: neighboursOf(card).map(similarPane),
    more: moreOf(card),
  };
}

/**
 * Return how the large view opens a card to its further neighbours.
 * @param {Card} card
 * @returns {More | undefined}
 */
function moreOf(card) {
  const number = furtherOf(card).length;
  if (number === 0 || opened.has(card)) return undefined;
  const open = () => {
    opened.add(card);
    const item = parts(list, ".card")[matching.indexOf(card)];
    if (item) showNeighbours(item, card);
  };
  return { words: `${number} more`, open };
}

/** @param {Card} card */
function captionOf(card) {
  const [, status] = STATUS[card.status];
  return `${status}: ${answerOf(card).map(({ textContent }) => textContent).join(", ")}`;
}

/**
 * Move the focus to the card of the photo that was shown last. After a photo of a group, the
 * browser moves it back to where it was.
 * @param {number} place
 */
function leaveLarge(place) {
  if (steppedThrough !== matching) return;
  if (place >= list.childElementCount) grow(place + 1 - list.childElementCount);
  parts(list, ".card")[place]?.focus();
}

// ---- What the reader does

form.addEventListener("input", change);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(change)); // After the form is empty.
part(more, "button").addEventListener("click", () => {
  const first = list.childElementCount;
  growToFill();
  parts(list, ".card")[first]?.focus(); // The button may be hidden by now.
});
window.addEventListener("hashchange", () => {
  if (!sameFilter(readAddress(), readForm())) show(writeForm(readAddress()));
});
window.addEventListener("beforeprint", () => {
  grow(matching.length);
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  for (const img of list.querySelectorAll("img")) img.loading = "eager";
});
document.addEventListener("click", (event) => {
  if (!(event.target instanceof Element)) return;
  /** @type {HTMLElement | null} */
  const button = event.target.closest("[data-filter]");
  if (button) {
    writeForm({ ...EMPTY, ...filterIn(button) });
    change();
    jump("photos");
  }
  const saving = event.target.closest("[data-save-view]")?.getAttribute("data-save-view");
  if (saving === "csv") saveView();
  if (saving === "page") sendView();
  /** @type {HTMLAnchorElement | null} */
  const link = event.target.closest("[data-jump]");
  if (link) {
    event.preventDefault(); // The address keeps the filter.
    jump(link.hash.slice(1));
  }
});
many.addEventListener("input", countMany);
many.addEventListener("submit", (event) => {
  event.preventDefault();
  adoptMany();
});
/** @type {HTMLSelectElement | null} */
const matrixOrder = document.querySelector("[name=order]"); // With three classes or more.
matrixOrder?.addEventListener("change", () => {
  orderMatrix(part(document, ".matrix", HTMLTableElement), matrixOrder.value === "mistakes");
});

// Equal bytes are decided together: a content has one photo, and the number of its copies.
/** @type {Map<string, Decidable & { copies: number }>} */
const photos = new Map();
for (const card of cards) {
  if (!card.content || (card.status === "rejected" && card.decision !== "out")) continue;
  const known = photos.get(card.content);
  if (known) known.copies += 1;
  else photos.set(card.content, Object.assign(card, { copies: 1 }));
}
readGroups(cards, data.groups);
startLarge({
  address: (picture) =>
    portable ? `data:image/jpeg;base64,${portable.pictures[picture]}` : `${folder}/${picture}.jpg`,
  number: () => steppedThrough.length,
  at: largeAt,
  leave: leaveLarge,
});
startDeciding({
  ...{ set: data.set, classes: data.classes, decided: data.decided, photos },
  alone: Boolean(portable),
  open: (item) => openLarge(cards[Number(item.dataset.number)], 1),
  changed: () => {
    countMany();
    paintGroups();
    updateNote();
  },
});
makeGroups(openInGroup);
if (lacksPhotos) showLeftOut(portable);
offerTimes();
show(writeForm(readAddress()));
