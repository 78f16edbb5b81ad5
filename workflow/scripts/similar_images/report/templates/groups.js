"use strict";

// The groups of photos that fit no class: one name decides for all photos of a group.

const TYPICAL = 6; // Photos that a group shows.

/** By the number of a group, those of its photos that this page has, the most typical first. */
/** @type {Map<string, Card[]>} */
const grouped = new Map();
/** @type {Map<Card, string>} */
const groupOf = new Map();

/**
 * Find the cards of the groups.
 * @param {Card[]} cards @param {ReportData["groups"]} groups
 */
function readGroups(cards, groups) {
  const byName = new Map(cards.map((card) => [card.name, card]));
  for (const { number, images } of groups) {
    const found = images.flatMap((name) => byName.get(name) ?? []);
    grouped.set(number, found);
    for (const card of found) groupOf.set(card, number);
  }
}

/**
 * Make what the page shows of the groups.
 * @param {(card: Card, group: Card[]) => void} open shows a photo of a group large
 */
function makeGroups(open) {
  if (grouped.size === 0) hideGroups();
  for (const item of parts(document, ".group")) {
    const found = photosIn(item);
    const pictures = found.slice(0, TYPICAL).map((card) => {
      const shown = document.createElement("li");
      shown.append(smallPicture(card, "Photo of the group", () => open(card, found)));
      return shown;
    });
    const rest = found.length - pictures.length;
    const others = element("li", "group-more", `+${rest.toLocaleString("en")}`);
    part(item, ".group-photos").replaceChildren(...pictures, ...(rest > 0 ? [others] : []));
    askForClass(part(item, "form", HTMLFormElement), (label) => nameGroup(item, label));
    paintGroup(item);
  }
}

/** Hide what is said of groups: a page that is sent as one file has none. */
function hideGroups() {
  for (const item of parts(document, '[aria-labelledby="groups-title"], [href="#groups-title"]')) item.hidden = true;
  for (const item of parts(document, "select[name=group]")) item.closest("label")?.remove();
}

/** @param {HTMLElement} item */
function photosIn(item) {
  return grouped.get(item.dataset.group ?? "") ?? [];
}

/** @param {HTMLElement} item */
function openPhotos(item) {
  const found = photosIn(item).filter((card) => card.content !== null);
  return found.filter((card) => !decisionOn(card.content));
}

/**
 * Take the photos of a group that are not decided yet into the catalogue, as a class.
 * @param {HTMLElement} item @param {string} label
 */
function nameGroup(item, label) {
  const found = openPhotos(item);
  if (!markAll(found, "catalogue", label)) return; // It says why not.
  part(item, "h3 button").focus(); // The form is gone.
  say(`${inWords(found.length, "photo")} taken into the catalogue as ${label}; Undo takes them all back.`);
}

function paintGroups() {
  for (const item of parts(document, ".group")) paintGroup(item);
}

/** @param {HTMLElement} item */
function paintGroup(item) {
  const number = openPhotos(item).length;
  part(item, "form").hidden = number === 0;
  part(item, ".name-all").textContent = `Name ${number === 1 ? "it" : `all ${number.toLocaleString("en")}`}`;
  part(item, ".group-decided").textContent = decidedInWords(item);
}

/**
 * Say what is decided of the photos of a group, such as "Named slippers: 7 photos".
 * @param {HTMLElement} item
 */
function decidedInWords(item) {
  /** @type {Map<string, number>} */
  const numbers = new Map();
  for (const card of photosIn(item)) {
    const decision = decisionOn(card.content);
    if (!decision) continue;
    const words = decision.decision === "out" ? "Left out" : `Named ${decision.label}`;
    numbers.set(words, (numbers.get(words) ?? 0) + 1);
  }
  return [...numbers].map(([words, number]) => `${words}: ${inWords(number, "photo")}`).join("; ");
}
