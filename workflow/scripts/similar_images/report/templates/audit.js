"use strict";

// The page of the audit. Its findings are data, since there may be thousands of each kind, and each
// photo that can be decided is an item.

/** @type {AuditData} */
const data = JSON.parse(part(document, "#data").textContent);
const { classes, decided, photos, folder } = data;
const groups = new Map(data.groups); // The findings by kind, in the order of the page.

const CHUNK = 60; // Findings of a kind that are added at once.
/** What the photo beside that of a finding is; for other kinds it is the nearest of its class. */
const OTHERS = /** @type {Record<string, string>} */ ({
  duplicate_across_classes: "The same picture",
  duplicate: "The same picture",
  mirrored_duplicate: "The same picture, mirrored",
  outlier: "Nearest photo",
  rotated_photo: "Most similar photo",
  rotated_duplicate: "The same picture",
});

/**
 * The photos in the order of the page, as the large view shows them one after another. Of copies
 * that can be decided, each side is one.
 * @type {{ finding: Finding, kind: string, number: number, side: 0 | 1 }[]}
 */
const entries = [];
/** @type {Map<Finding, number>} */
const placeOf = new Map(); // The place of a finding's first photo in `entries`.
for (const [kind, findings] of groups) {
  for (const [number, finding] of findings.entries()) {
    placeOf.set(finding, entries.length);
    entries.push({ finding, kind, number, side: 0 });
    if (hasTwo(kind, finding)) entries.push({ finding, kind, number, side: 1 });
  }
}

/**
 * Whether both photos of a finding can be decided.
 * @param {string} kind @param {Finding} finding
 */
function hasTwo(kind, { decidable, other }) {
  return decidable && other !== null && kind.includes("duplicate");
}

/** @param {string} kind @param {Finding} finding */
function roleOf(kind, { set }) {
  if (kind === "small_class") return "Example";
  return set ? `Photo of the set ${set}` : "Photo";
}

/**
 * Return the pictures beside the photo of a finding, each with what it is. A card has the first.
 * @param {string} kind @param {Finding} finding
 */
function othersOf(kind, { picture, other, other_label: label, turn }) {
  /** @type {[AuditPicture, string][]} */
  const near = other ? [[other, OTHERS[kind] ?? `Nearest of ${label}`]] : [];
  /** @type {[AuditPicture, string][]} */
  const turned = turn ? [[{ ...picture, turn }, "Turned upright"]] : [];
  return kind === "rotated_photo" ? [...turned, ...near] : [...near, ...turned];
}

// ---- The cards

/** @param {string} kind @param {Finding} finding */
function makeCard(kind, finding) {
  const card = part(copyOf("finding"), "li");
  card.classList.add(kind);
  const two = hasTwo(kind, finding);
  const place = placeOf.get(finding) ?? 0;
  const pair = part(card, ".pair");
  pair.append(makeSide(finding.picture, roleOf(kind, finding), () => showLarge(place)));
  const [beside] = othersOf(kind, finding);
  if (beside) pair.append(makeSide(...beside, () => showLarge(two ? place + 1 : place)));
  part(card, ".verdict").append(...verdictOf(kind, finding));
  if (two) {
    part(card, ":scope > .decide").remove();
    for (const [side, item] of parts(card, ".side-picture").entries()) {
      item.append(element("div", "decide"));
      makeItem(item, sideOf(finding, side), place + side);
    }
  } else if (finding.decidable) {
    makeItem(card, finding.picture, place);
  }
  return card;
}

/** @param {AuditPicture} picture @param {string} role @param {() => void} open */
function makeSide(picture, role, open) {
  const side = element("div", "side-picture");
  side.append(element("p", "role", role), smallPicture(picture, role, open));
  if (picture.turn) return side; // Its name is below the photo as it is.
  const label = element("p", "class-name");
  label.append(element("strong", "", picture.label));
  side.append(label, element("p", "path", picture.name));
  return side;
}

/**
 * Make what shows a photo an item, which can be decided.
 * @param {HTMLElement} item @param {AuditPicture} picture @param {number} place
 */
function makeItem(item, picture, place) {
  const { content, label, name } = picture;
  item.classList.add("item");
  Object.assign(item.dataset, { content, label, name, place });
  item.tabIndex = -1;
  if (!(item instanceof HTMLLIElement)) item.setAttribute("role", "group");
  item.setAttribute("aria-label", `${name}, ${label}`);
  makeMarks(item);
}

/** @param {string} kind @param {Finding} finding */
function verdictOf(kind, { picture, other_label: otherLabel, words, detail }) {
  const score = element("span", "score", words);
  score.title = detail;
  return [...classesOf(kind, picture.label, otherLabel), score];
}

/** @param {string} kind @param {string} label @param {string} other */
function classesOf(kind, label, other) {
  const first = line("", label);
  if (kind === "small_class") return [first];
  if (kind === "wrong_label") {
    const both = line("Label ", label);
    both.append(", looks like ", element("strong", "", other));
    return [both];
  }
  if (kind === "confused_classes") first.append(" and ", element("strong", "", other));
  else if (kind === "duplicate_across_classes") first.append(" or ", element("strong", "", other), "?");
  else return [];
  return [first];
}

/** @param {Finding} finding @param {number} side */
function sideOf({ picture, other }, side) {
  return side === 1 && other ? other : picture;
}

// ---- The lists, which grow by a button: a list that grew by itself would keep people from the next

/** @param {string} kind */
function grow(kind) {
  const section = part(document, `section[aria-labelledby="${kind}"]`);
  const list = part(section, ".findings");
  const findings = groups.get(kind) ?? [];
  const first = list.childElementCount;
  list.append(...findings.slice(first, endOf(findings, first)).map((finding) => makeCard(kind, finding)));
  showMore(kind);
  return list;
}

/**
 * Show how many findings are shown, and the button for more.
 * @param {string} kind
 */
function showMore(kind) {
  const section = part(document, `section[aria-labelledby="${kind}"]`);
  const findings = groups.get(kind) ?? [];
  const next = part(section, ".findings").childElementCount;
  part(section, ".more").hidden = next === findings.length;
  const number = endOf(findings, next) - next;
  part(section, ".more button").textContent = findings[next]?.weak
    ? `Show ${number} that ${number === 1 ? "is" : "are"} less certain`
    : `Show ${number} more`;
  part(section, ".more span").textContent =
    `${next.toLocaleString("en")} of ${findings.length.toLocaleString("en")} are shown`;
}

/**
 * Return where the findings end that are shown with the one at `first`: weak ones are shown apart.
 * @param {Finding[]} findings @param {number} first
 */
function endOf(findings, first) {
  const weak = findings.findIndex((finding) => finding.weak);
  const end = Math.min(first + CHUNK, findings.length);
  return first < weak ? Math.min(end, weak) : end;
}

/**
 * Add findings, and give the focus to the first of them: the button may be hidden by now.
 * @param {string} kind
 */
function growByButton(kind) {
  const first = part(document, `section[aria-labelledby="${kind}"] .findings`).childElementCount;
  const card = /** @type {HTMLElement} */ (grow(kind).children[first]);
  const item = card.matches(".item") ? card : card.querySelector(".item, button");
  if (item instanceof HTMLElement) item.focus();
}

// ---- The large view

/**
 * @param {number} place
 * @returns {Shown}
 */
function largeAt(place) {
  const { finding, kind, side } = entries[place];
  /** @type {[AuditPicture, string]} */
  const own = [finding.picture, roleOf(kind, finding)];
  const others = othersOf(kind, finding);
  const [asked, beside] = side === 1 ? [others[0], [own, ...others.slice(1)]] : [own, others];
  /** @param {[AuditPicture, string]} shown */
  const pane = ([photo, role]) => {
    const words = role.startsWith("Nearest of") || !photo.label ? role : `${role}: ${photo.label}`;
    return { photo, title: role, words };
  };
  return {
    content: finding.decidable ? asked[0].content : null,
    label: asked[0].label,
    name: asked[0].name,
    title: fileName(asked[0].name),
    answer: verdictOf(kind, finding).map(({ textContent }) => textContent).join(": "),
    asked: pane(asked),
    others: beside.map(pane),
  };
}

/**
 * Move the focus to the photo that was shown last.
 * @param {number} place
 */
function leaveLarge(place) {
  const { kind, number, side } = entries[place];
  let list = part(document, `section[aria-labelledby="${kind}"] .findings`);
  while (list.childElementCount <= number) list = grow(kind);
  const card = /** @type {HTMLElement} */ (list.children[number]);
  const items = card.matches(".item") ? [card] : parts(card, ".item");
  (items[side] ?? card.querySelector("button"))?.focus();
}

// ---- The beginning

startLarge({
  address: (picture) => `${folder}/${picture}.jpg`,
  number: () => entries.length,
  at: largeAt,
  leave: leaveLarge,
});
startDeciding({
  set: "catalogue",
  classes,
  decided,
  photos: new Map(photos.map((photo) => [photo.content, photo])),
  open: (item) => showLarge(Number(item.dataset.place)),
  changed: updateNote,
});
part(document, ".deciding").hidden = photos.length === 0;
for (const [kind, [first]] of groups) {
  if (first.weak) showMore(kind);
  else grow(kind);
  part(document, `section[aria-labelledby="${kind}"] .more button`).addEventListener("click", () => growByButton(kind));
}
reach(document.querySelector(".item:not(dialog)"));
