"use strict";

// The page of the audit: its findings are HTML, and each photo that can be decided is an item.

/** @type {AuditData} */
const { classes, decided, photos } = JSON.parse(part(document, "#data").textContent);

startDeciding({
  set: "catalogue",
  classes,
  decided,
  photos: new Map(photos.map((photo) => [photo.content, photo])),
  open: (item) => parts(item, "a.picture")[0]?.click(),
});
for (const item of parts(document, ".item")) makeMarks(item);
reach(document.querySelector(".item"));
