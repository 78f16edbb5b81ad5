"use strict";

// What the cards of an answer share: on the report, and on the page that asks about a photo.

const MOST_CLASSES = 3; // Classes that a card lists one by one.
const DUPLICATE = {
  exact: "Same bytes as ",
  near: "Almost the same pixels as ",
  mirrored: "Almost the same pixels, mirrored, as ",
};

/**
 * Return a sign for a status; the words beside it say the same.
 * @param {string} status @param {string} sign
 */
function statusSign(status, sign) {
  const mark = element("span", `mark ${status}`, sign);
  mark.setAttribute("aria-hidden", "true");
  return mark;
}

/** @param {string[]} others */
function othersInWords(others) {
  const named = others.slice(0, MOST_CLASSES).join(", ");
  const rest = others.length - MOST_CLASSES;
  return rest > 0 ? `${named} and ${rest} more` : named;
}

/** @param {number | null} confidence */
function confidenceInWords(confidence) {
  return confidence === null ? "confidence not known" : `confidence ${Math.round(100 * confidence)}%`;
}

/** @param {Voted} voted */
function votesOf(voted) {
  const named = voted.votes.slice(0, MOST_CLASSES);
  const others = voted.votes.slice(MOST_CLASSES);
  const rows = named.map(([label, votes]) => voteRow(voted, label, votes));
  if (others.length > 0) {
    const rest = others.reduce((sum, [, votes]) => sum + votes, 0);
    const name = others.length === 1 ? others[0][0] : `${others.length} more classes`;
    rows.push(voteRow(voted, name, rest));
  }
  return rows;
}

/** @param {Voted} voted @param {string} label @param {number} votes */
function voteRow({ prediction, voters }, label, votes) {
  const row = element("li", label === prediction ? "chosen" : "");
  const bar = element("span", "vote-bar");
  bar.style.setProperty("--share", String(votes / voters));
  const name = element("span", "vote-class", label);
  name.title = label;
  const number = element("span", "vote-number", String(votes));
  number.append(element("span", "unseen", ` of ${voters}`));
  row.append(name, bar, number);
  return row;
}

/**
 * Return the item of a neighbour: its picture, which opens the large view, its class and similarity.
 * @param {Similar} photo @param {number} number @param {() => void} open
 */
function similarItem(photo, number, open) {
  const item = document.createElement("li");
  const label = element("span", "similar-class", photo.label);
  label.title = photo.label;
  item.append(
    smallPicture(photo, `Similar photo ${number + 1}`, open),
    label,
    element("span", "similarity", photo.similarity.toFixed(3)),
  );
  return item;
}

/**
 * Return a neighbour as the large view shows it.
 * @param {Similar} photo @param {number} number
 * @returns {Pane}
 */
function similarPane(photo, number) {
  const title = `Similar photo ${number + 1}`;
  const words = `${title}: ${photo.label}, similarity ${photo.similarity.toFixed(3)}`;
  return { photo, title: `${title}, ${photo.label}`, words };
}
