"use strict";

// The page of the audit: its findings are HTML, and each photo that can be decided is an item.

const { classes, decided, photos } = JSON.parse(document.getElementById("data").textContent);

startDeciding({
  set: "catalogue",
  classes,
  decided,
  photos: new Map(photos.map((photo) => [photo.content, photo])),
  open: (item) => item.querySelector("a.picture")?.click(),
});
for (const item of document.querySelectorAll(".item")) makeMarks(item);
reach(document.querySelector(".item"));
