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
 * @param {(card: Card, group: string) => void} open shows a photo of a group large
 */
function makeGroups(open) {
  for (const item of parts(document, ".group")) {
    const number = item.dataset.group ?? "";
    const found = grouped.get(number) ?? [];
    item.hidden = found.length === 0; // In a page that is sent as one file.
    const pictures = found.slice(0, TYPICAL).map((card) => {
      const shown = document.createElement("li");
      shown.append(smallPicture(card, "Photo of the group", () => open(card, number)));
      return shown;
    });
    part(item, ".group-photos").replaceChildren(...pictures);
    askForClass(part(item, "form", HTMLFormElement), (label) => nameGroup(item, label));
    paintGroup(item);
  }
}

/** @param {HTMLElement} item */
function openPhotos(item) {
  const found = grouped.get(item.dataset.group ?? "") ?? [];
  return found.filter((card) => card.content !== null).filter((card) => !decisionOn(card.content));
}

/**
 * Take the photos of a group that are not decided yet into the catalogue, as a class.
 * @param {HTMLElement} item @param {string} label
 */
function nameGroup(item, label) {
  const found = openPhotos(item);
  markAll(found, "catalogue", label);
  say(`${inWords(found.length, "photo")} taken into the catalogue as ${label}; Undo takes them all back.`);
}

function paintGroups() {
  for (const item of parts(document, ".group")) paintGroup(item);
}

/** @param {HTMLElement} item */
function paintGroup(item) {
  const number = openPhotos(item).length;
  const decided = (grouped.get(item.dataset.group ?? "") ?? []).length - number;
  part(item, "form").hidden = number === 0;
  part(item, ".name-all").textContent = `Name ${number === 1 ? "it" : `all ${number.toLocaleString("en")}`}`;
  part(item, ".group-decided").textContent = decided > 0 ? `${inWords(decided, "photo")} decided.` : "";
}
