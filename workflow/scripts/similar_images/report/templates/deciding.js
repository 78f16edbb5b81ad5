"use strict";

// The buttons, keys and bar to decide on the photos of the report and of the page of the audit. A
// page calls `startDeciding`. It marks what can be decided with the class "item" and
// `data-content`, a content id, and gives it an empty element with the class "decide". Where files
// with the same bytes are shown under two classes, `data-label` and `data-name` say which of them
// an item shows.

const MOST_FAULTS = 20;
const MOST_LISTED = 100; // Decisions; a longer list is slow.
const MOST_CLASSES_NAMED = 6;

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

/**
 * Return an element with a class and a text; names from files are never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} className
 */
function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/**
 * Return a button with a text.
 * @param {string} text @param {() => void} act
 */
function plainButton(text, act) {
  const button = element("button", "plain-button", text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

/**
 * Let the browser save a CSV file.
 * @param {string} text @param {string} name
 */
function saveFile(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {number} number @param {string} noun */
function inWords(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

// ---- What is done

/** @type {Done[][]} */
const steps = []; // For undo.
/** @type {Saver | null} */
let saver = null; // Saves each decision in the project's file, see saving.js; without it, people save the file.

/**
 * Add decisions as one step of undo, and return whether that could be done.
 * @param {Kept[]} rows
 */
function addDecisions(rows) {
  const fault = rows.map(faultOf).find(Boolean);
  if (fault) say(`This cannot be decided: ${fault}.`);
  else applyStep(rows.map((row) => [subjectOf(row), { ...row, saved: "" }]));
  return !fault;
}

/**
 * Apply changes as one step of undo, see `keep`.
 * @param {[string, Kept | null][]} changes
 */
function applyStep(changes) {
  readStored();
  const written = saver ? saver.rowsFor(changes) : changes;
  steps.push(written.map(([subject, wrote]) => ({ subject, before: keptOn(subject), wrote })));
  keep(written);
  repaint();
  say("");
  saver?.send();
}

/**
 * Return what is kept of a subject: in this browser, or where decisions are saved at once, anywhere.
 * @param {string} subject
 * @returns {Kept | null}
 */
function keptOn(subject) {
  const row = saver ? latestOn(subject) : memory.get(subject);
  return row ? { ...row, home } : null;
}

/**
 * Whether nobody has decided again since; the project's file may give a decision another time.
 * @param {Done} done
 */
function isStill({ subject, wrote }) {
  const row = keptOn(subject);
  if (saver && row && wrote) return sameDecision(row, wrote) && row.note === wrote.note;
  return sameRow(row, wrote);
}

/** Undo the last step, except for what another tab has decided since. */
function undo() {
  const step = steps.pop();
  if (!step) {
    say("Nothing to undo here. Press the marked button again to take back a decision.");
    return;
  }
  readStored();
  const own = step.filter((done) => isStill(done));
  /** @type {[string, Kept | null][]} */
  const changes = own.map(({ subject, before }) => [subject, before]);
  keep(saver ? saver.rowsFor(changes) : changes);
  repaint();
  say(undone(own.length, step.length - own.length));
  saver?.send();
}

/** @param {number} number @param {number} others */
function undone(number, others) {
  const again = `${others === 1 ? "it was" : "they were"} decided again in another tab.`;
  if (number === 0) return `Not undone: ${again}`;
  const rest = others > 0 ? ` Not undone: ${inWords(others, "decision")}; ${again}` : "";
  return (number === 1 ? "Undone." : `Undone: ${inWords(number, "decision")}.`) + rest;
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
 * Mark a photo; the same mark again takes it back.
 * @param {HTMLElement} item @param {Mark} name
 */
function mark(item, name) {
  const photo = photoOf(item);
  /** @type {HTMLButtonElement | null} */
  const button = item.querySelector(`[data-mark="${name}"]`);
  if (!photo || !button) return;
  if (button.hidden) {
    const there = "The catalogue has this photo already.";
    say(name === "catalogue" ? there : "There is no class to confirm. Press W to say which it is.");
    return;
  }
  if (button.getAttribute("aria-pressed") === "true") {
    unmark(photo, name);
    return;
  }
  /** @type {HTMLFormElement | null} */
  const form = item.querySelector(".decide form");
  if (name === "catalogue" && form && typedIn(form)) {
    form.requestSubmit(); // The class in the box is meant, not the predicted one.
    return;
  }
  const label = labelFor(photo, name);
  if (name === "out" || label) decideOn(photo, name, label);
  else choose(item, photo, name);
}

/**
 * Decide on a photo, once it is kept where it can be decided on.
 * @param {Decidable} photo @param {Mark} name @param {string} label
 */
async function decideOn(photo, name, label) {
  const kept = page.keep ? await page.keep(photo) : photo;
  if (kept) addDecisions([decide(kept, name, label)]);
}

/**
 * Remove a mark. Where the last run has applied a decision, even another one, a new one takes it
 * back: the next run would apply it otherwise.
 * @param {Decidable} photo @param {Mark} name
 */
function unmark(photo, name) {
  const { own, member } = stateOf(photo.content);
  const row = name === "catalogue" ? member : own;
  if (!row) return; // Another tab has removed it.
  const subject = subjectOf(row);
  const before = applied.get(subject);
  if (!before || before.decision === "undecided") applyStep([[subject, null]]);
  else addDecisions([name === "catalogue" ? leaveCatalogue(row) : takeBack(row)]);
}

/**
 * Decide many at once, as one step; `photos` are those that `adoptable` found.
 * @param {Decidable[]} photos
 */
function adopt(photos) {
  addDecisions(photos.map((photo) => decide(photo, "catalogue", labelFor(photo, "catalogue"))));
}

/**
 * Decide the same on many photos, as one step, and return whether that could be done.
 * @param {Decidable[]} photos @param {Mark} name @param {string} label
 */
function markAll(photos, name, label) {
  return addDecisions(photos.map((photo) => decide(photo, name, label)));
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

/**
 * Say which classes photos get in the catalogue, the most frequent first.
 * @param {Decidable[]} photos
 */
function asClasses(photos) {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  for (const photo of photos) {
    const label = labelFor(photo, "catalogue");
    numbers.set(label, (numbers.get(label) ?? 0) + 1);
  }
  const words = [...numbers]
    .sort((a, b) => b[1] - a[1])
    .map(([label, number]) => `${number.toLocaleString("en")} as ${label}`);
  const rest = words.length - MOST_CLASSES_NAMED;
  if (rest < 2) return words.join(", ");
  return [...words.slice(0, MOST_CLASSES_NAMED), `the others as ${rest} more classes`].join(", ");
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
    const on = name === "catalogue" ? Boolean(state.member) : markOf(state.own, labels.right) === name;
    const { text, title } = on ? facesPressed(labels, state)[name] : facesOf(labels)[name];
    const key = name[0].toUpperCase();
    part(button, ".mark-text").textContent = text;
    button.title = `${title} (${key})`;
    button.setAttribute("aria-pressed", String(on));
    // The class alone does not say what the button means.
    if (name === "right" || name === "wrong") button.setAttribute("aria-label", title);
    button.hidden = (name === "right" && !labels.right) || (name === "catalogue" && isOfCatalogue(photo, state));
    if (name === "catalogue") part(button, "span").textContent = on ? "−" : "+";
  }
  words.textContent = sentence(state, photo);
  for (const label of new Set([state.own?.label, state.as?.label])) {
    if (!label || catalogueClasses.has(label)) continue;
    const badge = element("span", "badge", "new class");
    badge.title = `The catalogue has no class ${label} yet`;
    words.append(" ", badge);
  }
}

/**
 * Whether a photo is one of the catalogue's own files. To take it in, and out again, would take
 * that file out.
 * @param {Decidable} photo @param {State} state
 */
function isOfCatalogue({ duplicate }, { member, former }) {
  return duplicate === "exact" && !member && !former;
}

/**
 * Return the mark of a decision. What was confirmed may by now be another class than the one that
 * can be confirmed.
 * @param {Decision | undefined} own @param {string} right
 */
function markOf(own, right) {
  return own?.decision === "right" && own.label !== right ? "wrong" : own?.decision;
}

/**
 * Return the texts and titles of the marks that are not pressed.
 * @param {{ right: string, catalogue: string }} labels
 * @returns {Record<Mark, Face>}
 */
function facesOf({ right, catalogue }) {
  return {
    right: { text: right, title: `Right: it is ${right}` },
    wrong: { text: "Other class…", title: "Other class…" },
    out: { text: "Leave out", title: "Leave it out" },
    catalogue: { text: `Catalogue as ${catalogue || "…"}`, title: `Into the catalogue as ${catalogue || "…"}` },
  };
}

/**
 * Return the texts and titles of the marks that are pressed.
 * @param {{ right: string }} labels @param {State} state
 * @returns {Record<Mark, Face>}
 */
function facesPressed({ right }, { own }) {
  const other = own?.label ?? "";
  return {
    right: { text: right, title: `Right: it is ${right}. Press again to take this back` },
    wrong: { text: other, title: `Other class: it is ${other}. Press again to take this back` },
    out: { text: "Leave out", title: "Left out. Press again to take this back" },
    catalogue: { text: "Catalogue", title: "Take it out of the catalogue" },
  };
}

/** @param {State} state @param {Decidable} photo */
function sentence({ own, member, left, back, as }, { files = 1 }) {
  const all = files > 1 ? `, with all ${files} files of the same bytes` : "";
  const said = [];
  if (own) said.push((member && own.decision === "out" ? "Left out of this set" : verdict(own)) + all + ending(own));
  if (back && isNew(back)) said.push("Decision taken back");
  if (member && as) said.push(`Into the catalogue as ${as.label}${ending(member, as)}`);
  if (left && left !== own && isNew(left)) said.push("Out of the catalogue");
  return said.join("; ");
}

/**
 * Return what a decision says.
 * @param {Decision} row
 */
function verdict({ decision, label }) {
  return {
    right: `Right: ${label}`,
    wrong: `Wrong: it is ${label}`,
    out: "Left out",
    catalogue: `Into the catalogue as ${label}`,
    undecided: "Decision taken back",
  }[decision];
}

/**
 * Return the note of the first decision, and whether the last run has applied all.
 * @param {Decision[]} rows
 */
function ending(...rows) {
  return (rows[0].note ? `, ${rows[0].note}` : "") + (rows.some(isNew) ? "" : " (done)");
}

/**
 * Ask for the class of a photo: in the large view, if the item has no room for that.
 * @param {HTMLElement} item @param {Decidable} photo @param {Mark} name
 */
function choose(item, photo, name) {
  if (!part(item, ".marks").checkVisibility()) {
    page.open(item);
    choose(part(document, "dialog.item"), photo, name);
    return;
  }
  const place = part(item, ".decide");
  place.querySelector("form")?.remove();
  const form = part(copyOf("chooser"), "form", HTMLFormElement);
  const input = part(form, "input", HTMLInputElement);
  input.value = photo.suggestion || (photo.label === photo.prediction ? "" : photo.label) || "";
  const close = () => {
    form.remove();
    item.focus();
  };
  let asked = name;
  form.addEventListener("submit", ({ submitter }) => {
    asked = submitter ? name : "catalogue"; // Only the mark "Catalogue" submits without a button of the form.
  });
  askForClass(form, (label) => {
    close();
    decideOn(photo, asked, label);
  });
  form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault(); // The large view stays.
    close();
  });
  part(form, ".cancel").addEventListener("click", close);
  place.append(form);
  input.focus();
  input.select();
}

/**
 * Return the class in the box of a form, as the workflow writes all classes.
 * @param {HTMLFormElement} form
 */
function typedIn(form) {
  return part(form, "input", HTMLInputElement).value.trim().normalize("NFC");
}

/**
 * Let a form ask for a class. One that is not known has to be confirmed: it may be a slip.
 * @param {HTMLFormElement} form @param {(label: string) => void} accept
 */
function askForClass(form, accept) {
  const unknown = part(form, ".unknown");
  /** @param {string} label */
  const answered = (label) => {
    unknown.hidden = true;
    accept(label);
  };
  const typed = () => typedIn(form);
  const input = part(form, "input", HTMLInputElement);
  const showIfNew = () => {
    const fault = input.value && faultOfClass(typed());
    input.setCustomValidity(fault ? `This class ${fault}.` : "");
    part(form, ".new-class").hidden = !input.value || Boolean(fault) || knownClasses().includes(typed());
    unknown.hidden = true;
  };
  input.addEventListener("focus", () => offerClasses(knownClasses()));
  input.addEventListener("input", showIfNew);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const known = knownClasses();
    if (known.includes(typed())) answered(typed());
    else if (typed()) {
      part(form, ".new-class").hidden = true; // The question says it.
      confirmNew(unknown, typed(), nearClasses(typed(), known), answered);
    }
  });
  showIfNew();
}

/**
 * Ask whether an unknown class is meant, or one of the classes near it. The first answer gets the
 * focus, so that Enter takes a near class before a new one.
 * @param {HTMLElement} place @param {string} label @param {string[]} near
 * @param {(label: string) => void} accept
 */
function confirmNew(place, label, near, accept) {
  const answers = [...near, label].map((name) => {
    const button = plainButton(name === label ? `Use the new class “${label}”` : name, () => accept(name));
    button.title = name;
    return button;
  });
  const question = element("p", "", "Did you mean:");
  place.replaceChildren(...(near.length > 0 ? [question] : []), ...answers);
  place.hidden = false;
  answers[0].focus();
}

/** @param {string[]} known */
function offerClasses(known) {
  const options = known.map((label) => {
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
  if (event.altKey || event.metaKey || keysHelp.open) return;
  const key = event.key.toLowerCase();
  if (key === "z" && !event.shiftKey) undo();
  else if (event.ctrlKey) return;
  else if (key === "?") keysHelp.showModal();
  else if (!item) return;
  else if (MARKS[key]) mark(item, MARKS[key]);
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
const pending = part(bar, ".pending", HTMLDetailsElement);

function repaint() {
  for (const item of parts(document, ".item[data-content]")) paint(item);
  const { decided, all } = counted();
  const rows = toSave();
  const left = (all - decided).toLocaleString("en");
  part(bar, ".decided-count").textContent =
    all === 0 ? "" : `${decided.toLocaleString("en")} of ${all.toLocaleString("en")} decided, ${left} left`;
  const progress = part(bar, "progress", HTMLProgressElement);
  progress.hidden = all === 0;
  progress.max = Math.max(all, 1);
  progress.value = decided;
  part(bar, '[data-act="undo"]', HTMLButtonElement).disabled = steps.length === 0;
  const unsaved = numberUnsaved(rows);
  const saving = part(bar, '[data-act="save"]', HTMLButtonElement);
  saving.disabled = rows.length === 0;
  saving.classList.toggle("primary", rows.length > 0 && unsaved > 0);
  const how = unsaved > 0 ? `${unsaved.toLocaleString("en")} not saved yet` : "all saved";
  part(bar, ".to-save").textContent = rows.length > 0 ? `${byRun(rows)}; ${how}` : "";
  part(bar, ".next").textContent = hint(rows);
  saver?.show(rows);
  showPending(rows.filter(isNew));
  page.changed?.();
}

function counted() {
  const ids = [...page.photos.keys()];
  const decided = ids.filter(decisionOn);
  // Photos with equal bytes are decided together, and each of them counts.
  /** @param {string[]} some */
  const number = (some) => some.reduce((sum, id) => sum + (page.photos.get(id)?.copies ?? 1), 0);
  return { all: number(ids), decided: number(decided) };
}

/**
 * Return how many decisions the last run has not applied, and how many it has.
 * @param {Decision[]} rows
 */
function byRun(rows) {
  const open = rows.filter(isNew).length;
  const earlier = rows.length - open;
  if (earlier === 0) return `${inWords(open, "decision")} not applied yet`;
  if (open === 0) return inWords(earlier, "earlier decision");
  return `${open.toLocaleString("en")} not applied yet + ${inWords(earlier, "earlier decision")}`;
}

/** @param {Decision[]} rows */
function hint(rows) {
  const forgets = kept ? "" : "This browser does not keep your decisions: save them before you leave this page. ";
  if (!rows.some(isNew)) return `${forgets}Mark photos by their buttons or keys.`;
  return (
    `${forgets}To apply your decisions, save decisions.csv next to config.yaml, set “decisions: decisions.csv” ` +
    "there, and run again."
  );
}

/**
 * List the decisions of this browser that the last run has not applied. Some may be unwanted: it
 * keeps those that somebody removed from the file, and the next file would have them again.
 * @param {Decision[]} rows
 */
function showPending(rows) {
  pending.hidden = rows.length === 0;
  part(pending, "summary").textContent = `Not applied yet: ${inWords(rows.length, "decision")}`;
  const latest = [...rows].sort((a, b) => timeOf(b.when) - timeOf(a.when)).slice(0, MOST_LISTED);
  const items = latest.map((row) => {
    const item = element("li", "");
    const words = `${row.image} in ${row.set}: ${verdict(row)} (${row.when.slice(0, 10)})`;
    item.append(element("span", "", words), ...(saver ? [] : [forgetButton([row], "Forget")]));
    return item;
  });
  const rest = rows.length - latest.length;
  const more = element("li", "", `and ${rest.toLocaleString("en")} more`);
  part(pending, "ul").replaceChildren(...items, ...(rest > 0 ? [more] : []));
  const forgets = rows.length > 1 && !saver; // The project's file keeps every line.
  part(pending, ".forget").replaceChildren(...(forgets ? [forgetButton(rows, "Forget all of them")] : []));
}

/** @param {Decision[]} rows @param {string} text */
function forgetButton(rows, text) {
  const button = plainButton(text, () => {
    applyStep(rows.map((row) => [subjectOf(row), null]));
    say(`Forgotten: ${inWords(rows.length, "decision")}. Undo restores this.`);
  });
  if (rows.length === 1) button.setAttribute("aria-label", `Forget: ${rows[0].image}, ${verdict(rows[0])}`);
  return button;
}

/** @param {string} message */
function say(message) {
  part(bar, ".message").textContent = message;
  const large = document.querySelector("dialog[open] .decide"); // It covers the bar.
  if (!large) return;
  const shown = large.querySelector(".message") ?? document.createElement("p");
  shown.className = "message";
  shown.setAttribute("role", "status");
  shown.textContent = message;
  large.append(shown);
}

function save() {
  const rows = toSave();
  saveFile(csvOf(COLUMNS, rows), "decisions.csv");
  markSaved();
  repaint();
  say(`Saved: ${byRun(rows)}.`);
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
  await saver?.look(); // What is saved later counts, so only what is later than the file may be.
  readStored();
  const later = rows.filter((row) => laterOf(latestOn(subjectOf(row)), row) === row);
  const elsewhere = rows.filter((row) => !page.photos.has(row.content_id)).length;
  if (later.length > 0) addDecisions(later.map((row) => ({ ...row, home })));
  const known = rows.length - later.length;
  const added = `${later.length.toLocaleString("en")} of ${inWords(rows.length, "decision")} added`;
  say(
    `${file.name}: ${added}${known > 0 ? ", the rest known or older" : ""}; ` +
      `${elsewhere.toLocaleString("en")} for photos that are not on this page.`,
  );
}

/** @param {string} name @param {string[]} faults */
function showFaults(name, faults) {
  const shown = faults.slice(0, MOST_FAULTS);
  const rest = faults.length - shown.length;
  const lines = [...shown, ...(rest > 0 ? [`and ${rest.toLocaleString("en")} more`] : [])];
  const title = element("p", "", `${name} was not read. Correct it, or read another file:`);
  const list = element("ul", "");
  list.append(...lines.map((line) => element("li", "", line)));
  part(bar, ".faults").replaceChildren(...(faults.length > 0 ? [title, list] : []));
  if (faults.length > 0) say("");
}

/** Load a decisions.csv that is dropped anywhere on the page. */
function acceptDroppedFile() {
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault(); // The browser would go to the file.
    load(file);
  });
}

// ---- The beginning

/** @param {Deciding} given */
function startDeciding(given) {
  if (given.alone) saver = null; // It was sent apart from its project.
  readPage(given);
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
  if (!page.takesPhotos) acceptDroppedFile();
  window.addEventListener("storage", (event) => {
    if (event.key !== STORE && event.key !== null) return;
    readStored();
    repaint();
    saver?.look();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!kept && numberUnsaved(toSave()) > 0) event.preventDefault();
  });
  repaint();
  saver?.start();
}
