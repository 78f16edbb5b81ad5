"use strict";

// Pictures on the report and on the page of the audit: small ones on the cards, and the large view,
// which shows a photo beside others. A page calls `startLarge`.

const ZOOMS = [1, 1.5, 2, 3, 4];

const dialog = part(document, "dialog.large", HTMLDialogElement);
const note = part(dialog, "[name=note]", HTMLInputElement);

/** @type {Gallery} */
let gallery; // What `startLarge` was given.
let large = { place: 0, beside: 0, zoom: 0 };

// ---- Elements

/** @param {string} text @param {string} name */
function line(text, name) {
  const made = element("span", "", text);
  made.append(element("strong", "", name));
  return made;
}

/**
 * Return the end of a path or address, without the digest of its query.
 * @param {string} path
 */
function fileName(path) {
  return path.slice(path.lastIndexOf("/") + 1).split("?#")[0];
}

// ---- Small pictures

/** @param {Photo} photo */
function noPicture({ name, original }) {
  return element("span", "no-picture", original === undefined ? "no picture" : fileName(name));
}

/** @param {Photo} photo @param {string} description */
function image(photo, description) {
  const address = photo.picture ? gallery.address(photo.picture) : photo.original;
  if (!address) return noPicture(photo);
  const img = document.createElement("img");
  img.loading = "lazy";
  img.decoding = "async";
  img.alt = description;
  img.src = address;
  if (photo.turn) img.classList.add(`turned-${photo.turn}`);
  img.addEventListener("error", () => img.replaceWith(noPicture(photo)));
  return img;
}

/**
 * Return a small picture, as a button that shows it large.
 * @param {Photo} photo @param {string} title @param {() => void} open
 */
function smallPicture(photo, title, open) {
  const small = element(photo.picture || photo.original ? "button" : "div", "picture");
  small.title = photo.path;
  small.append(image(photo, ""));
  if (small instanceof HTMLButtonElement) {
    small.type = "button";
    small.setAttribute("aria-label", `${title}, ${fileName(photo.name)}: show large`);
    small.addEventListener("click", open);
  }
  return small;
}

// ---- The large view

/**
 * Show what is at a place of the gallery, beside the `position`th of its other photos, from 1.
 * @param {number} place
 */
function showLarge(place, position = 1) {
  const { content, label, name, title, answer, added, asked, others, more } = gallery.at(place);
  const beside = Math.min(Math.max(position, 1), others.length);
  const again = large.place === place;
  large = { place, beside, zoom: again ? large.zoom : 0 };
  for (const [key, value] of Object.entries({ content: content ?? "", label, name })) {
    if (value === undefined) delete dialog.dataset[key];
    else dialog.dataset[key] = value;
  }
  part(dialog, "#large-title").textContent = title;
  part(dialog, ".large-answer").textContent = answer;
  part(dialog, ".large-path").textContent = asked.photo.path;
  part(dialog, ".large-added").textContent = added ?? "";
  showPane(".pane.asked", asked);
  part(dialog, ".pane.beside").hidden = others.length === 0;
  if (others.length > 0) showPane(".pane.beside", others[beside - 1]);
  part(dialog, ".strip").replaceChildren(
    ...(others.length > 1 || more ? others.map(stripButton) : []),
    ...(more ? [moreButton(more, others.length)] : []),
  );
  part(dialog, '[data-step="-1"]', HTMLButtonElement).disabled = place <= 0;
  part(dialog, '[data-step="1"]', HTMLButtonElement).disabled = place === gallery.number() - 1;
  part(dialog, ".large-decide").hidden = !page.photos.has(content ?? "");
  part(dialog, ".decide").replaceChildren();
  makeMarks(dialog);
  showNote();
  showZoom();
  if (!dialog.open) {
    dialog.showModal();
    part(dialog, "[data-close]").focus();
  }
}

/** @param {string} selector @param {Pane} shown */
function showPane(selector, { photo, words }) {
  const pane = part(dialog, selector);
  part(pane, ".pane-picture").replaceChildren(image(photo, fileName(photo.name)));
  part(pane, ".pane-words").textContent = words;
  pane.title = photo.path;
}

/** @param {Pane} pane @param {number} number */
function stripButton({ photo, title }, number) {
  const button = element("button", "picture");
  button.type = "button";
  button.append(image(photo, ""));
  button.setAttribute("aria-label", title);
  button.setAttribute("aria-pressed", String(number + 1 === large.beside));
  button.addEventListener("click", () => {
    showLarge(large.place, number + 1);
    parts(dialog, ".strip button")[number].focus();
  });
  return button;
}

/**
 * Return the button that shows more photos beside the asked one, of which the first is then shown.
 * @param {More} more @param {number} shown
 */
function moreButton({ words, open }, shown) {
  return plainButton(words, () => {
    open();
    showLarge(large.place, shown + 1);
    parts(dialog, ".strip button")[shown].focus();
  });
}

/** Show the note of the decision on the photo. */
function showNote() {
  const row = decisionOn(dialog.dataset.content ?? "");
  note.value = row?.note ?? "";
  note.disabled = !row;
  note.placeholder = row ? "" : "Decide on the photo, then you can add a note";
}

/** Show the note again, but not while it is being typed; a page calls this when decisions have changed. */
function updateNote() {
  if (dialog.open && document.activeElement !== note) showNote();
}

/** @param {string} text */
function writeNote(text) {
  const row = decisionOn(dialog.dataset.content ?? "");
  if (!row) say("The note was not kept: the decision was taken back in another tab.");
  if (!row || row.note === text) return;
  addDecisions([{ ...row, note: text, when: momentAfter(row.content_id), home }]);
}

function showZoom() {
  dialog.style.setProperty("--zoom", String(ZOOMS[large.zoom]));
  part(dialog, ".zoom").textContent = `${100 * ZOOMS[large.zoom]}%`;
  part(dialog, '[data-zoom="-1"]', HTMLButtonElement).disabled = large.zoom === 0;
  part(dialog, '[data-zoom="1"]', HTMLButtonElement).disabled = large.zoom === ZOOMS.length - 1;
}

/**
 * Zoom both pictures, and keep in the middle what was there.
 * @param {number} by
 */
function zoom(by) {
  const panes = parts(dialog, ".pane-picture");
  const middles = panes.map((pane) => [
    (pane.scrollLeft + pane.clientWidth / 2) / pane.scrollWidth,
    (pane.scrollTop + pane.clientHeight / 2) / pane.scrollHeight,
  ]);
  large.zoom = Math.min(Math.max(large.zoom + by, 0), ZOOMS.length - 1);
  showZoom();
  panes.forEach((pane, n) => {
    pane.scrollLeft = middles[n][0] * pane.scrollWidth - pane.clientWidth / 2;
    pane.scrollTop = middles[n][1] * pane.scrollHeight - pane.clientHeight / 2;
  });
}

/**
 * Show the photo before or after.
 * @param {number} by
 */
function step(by) {
  const place = large.place + by;
  if (place >= 0 && place < gallery.number()) showLarge(place);
}

/** @param {Gallery} given */
function startLarge(given) {
  gallery = given;
  dialog.addEventListener("click", (event) => {
    if (!(event.target instanceof HTMLElement)) return;
    const { step: by, zoom: nearer, close } = event.target.dataset;
    if (by) step(Number(by));
    if (nearer) zoom(Number(nearer));
    if (close !== undefined || event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
    if (event.key === "+") zoom(1);
    if (event.key === "-") zoom(-1);
    if (["1", "2", "3"].includes(event.key)) showLarge(large.place, Number(event.key));
  });
  dialog.addEventListener("close", () => gallery.leave(large.place));
  note.addEventListener("change", () => writeNote(note.value.trim()));
  note.addEventListener("blur", updateNote);
}
