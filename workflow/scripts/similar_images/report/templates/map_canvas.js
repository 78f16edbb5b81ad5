"use strict";

// The canvas of the map: it draws the points and pictures, moves and zooms, and selects. map.js says
// which points there are, and calls `startAtlas`.
//
// The points are written as pixels. Drawing each as a path takes too long for 20,000 of them, and
// WebGL, which some machines lack, is not needed for 200,000.

const MOST_PICTURES = 300; // More points than these in view are shown as points alone.
const MOST_KEPT = 600; // Pictures in memory.
const PICTURE_SIDE = 76; // The longest side of a picture, in CSS pixels.
const MARGIN = 24; // Around the whole map.
const STEP = 80; // Of a key that moves the map.
const ZOOM_STEP = 1.5; // Of a key or button.
const FARTHEST = 0.5; // Zooms, relative to the whole map.
const NEAREST = 400;
const REACH = 10; // How far from a point the mouse may be.
const CLICK = 5; // A pointer that moves less has clicked.
const REST = 120; // Milliseconds without motion until pictures are loaded.

/** @type {Atlas} */
let atlas; // What `startAtlas` was given.
const canvas = part(document, ".atlas-frame canvas", HTMLCanvasElement);
const tip = part(document, ".atlas-tip");
const nothing = part(document, ".atlas-empty");
const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));

// The place of a point on the canvas is `x * scale + left`, in CSS pixels.
const view = { scale: 1, left: 0, top: 0 };
let extent = { x: 1, y: 1 };
let whole = 1; // The scale of the whole map.
let size = { width: 0, height: 0, density: 1 };
let bits = new ImageData(1, 1); // What is drawn of the points.
let pixels = new Uint32Array(1);
let awaited = 0; // The frame that will draw.
let resting = 0; // The timer that loads pictures.
/** @type {Placed[]} */
let placed = []; // The pictures on the canvas.
/** @type {Map<number, ImageBitmap | null>} */
const bitmaps = new Map(); // Pictures by point, the latest last; null while one is loaded, or is not there.

// ---- The looks of points

/** Whether a shape covers a place, with its middle at 0 and its edge at about 1. */
const SHAPES = /** @type {Record<Shape, (x: number, y: number) => boolean>} */ ({
  disc: (x, y) => x * x + y * y <= 1,
  square: (x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 0.9,
  diamond: (x, y) => Math.abs(x) + Math.abs(y) <= 1.25,
  triangle: (x, y) => y <= 0.85 && Math.abs(x) <= (y + 1.15) * 0.55,
});

/** The stamps of the last frame, and what they were made for. */
let made = { radius: 0, width: 0, looks: /** @type {Look[]} */ ([]), stamps: /** @type {Stamp[]} */ ([]), reach: 0 };

/**
 * Return the stamps of some looks, and how far from the middle they cover pixels.
 * @param {Look[]} looks
 */
function stampsOf(looks) {
  const radius = pointRadius() * size.density;
  if (made.radius === radius && made.width === bits.width && made.looks === looks) return made;
  const stamps = looks.map((look) => stampOf(look, radius * look.grown));
  const reach = Math.max(...stamps.map((stamp) => stamp.reach));
  made = { radius, width: bits.width, looks, stamps, reach };
  return made;
}

/**
 * Return the pixels that a point covers, and how much of each, from 0 to 256.
 * @param {Look} look @param {number} radius in pixels
 * @returns {Stamp}
 */
function stampOf({ shape, colour }, radius) {
  const reach = Math.ceil(radius * 1.25);
  const offsets = [];
  const shares = [];
  for (let y = -reach; y <= reach; y += 1) {
    for (let x = -reach; x <= reach; x += 1) {
      const covered = coverage(SHAPES[shape], x, y, radius);
      if (covered === 0) continue;
      offsets.push(y * bits.width + x);
      shares.push(covered);
    }
  }
  return { reach, colour: pixelOf(colour), offsets: Int32Array.from(offsets), shares: Uint16Array.from(shares) };
}

/** @param {(x: number, y: number) => boolean} covers @param {number} x @param {number} y @param {number} radius */
function coverage(covers, x, y, radius) {
  let number = 0;
  for (const dx of [-0.375, -0.125, 0.125, 0.375]) {
    for (const dy of [-0.375, -0.125, 0.125, 0.375]) {
      if (covers((x + dx) / radius, (y + dy) / radius)) number += 1;
    }
  }
  return number * 16;
}

/**
 * Return a colour of the style sheet, such as #0072b2, as a pixel.
 * @param {string} name
 */
function pixelOf(name) {
  const digits = getComputedStyle(canvas).getPropertyValue(name).trim().slice(1);
  const [red, green, blue] = [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16));
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * Return the mixture of two pixels.
 * @param {number} below @param {number} above @param {number} share of `above`, from 0 to 256
 */
function mixed(below, above, share) {
  const rest = 256 - share;
  const redAndBlue = (((below & 0xff00ff) * rest + (above & 0xff00ff) * share) / 256) & 0xff00ff;
  const green = (((below & 0xff00) * rest + (above & 0xff00) * share) / 256) & 0xff00;
  return (0xff000000 | redAndBlue | green) >>> 0;
}

// ---- Drawing

/** Draw before the next frame. */
function redraw() {
  awaited ||= requestAnimationFrame(draw);
}

function draw() {
  awaited = 0;
  pixels.fill(pixelOf("--surface"));
  const near = drawPoints();
  context.putImageData(bits, 0, 0);
  context.setTransform(size.density, 0, 0, size.density, 0, 0);
  nothing.hidden = near?.length !== 0 || atlas.order.length === 0;
  placed = near ? placePictures(near) : [];
  for (const one of placed) drawPicture(one);
  drawLasso();
  clearTimeout(resting);
  resting = setTimeout(loadPictures, REST);
}

/** Draw the points, and return those in view where there are few enough for pictures. */
function drawPoints() {
  const { x, y, order, lookOf, looks } = atlas;
  const { density } = size;
  const { stamps, reach } = stampsOf(looks);
  const [scale, left, top] = [view.scale * density, view.left * density, view.top * density];
  const [right, bottom] = [bits.width - reach, bits.height - reach];
  /** @type {number[]} */
  const near = [];
  for (const point of order) {
    const px = Math.round(x[point] * scale + left);
    const py = Math.round(y[point] * scale + top);
    if (px < reach || py < reach || px >= right || py >= bottom) continue;
    if (near.length <= MOST_PICTURES) near.push(point);
    press(stamps[lookOf[point]], py * bits.width + px);
  }
  return near.length <= MOST_PICTURES ? near : null;
}

/** @param {Stamp} stamp @param {number} at */
function press({ offsets, shares, colour }, at) {
  for (let n = 0; n < offsets.length; n += 1) {
    const pixel = at + offsets[n];
    pixels[pixel] = shares[n] === 256 ? colour : mixed(pixels[pixel], colour, shares[n]);
  }
}

/** Return the radius of points in CSS pixels: the more room each has, the larger. */
function pointRadius() {
  const room = (view.scale / whole) * Math.sqrt(9000 / Math.max(atlas.order.length, 1));
  return Math.min(Math.max(room, 1.6), 5);
}

/**
 * Return where pictures fit without covering each other, those on top first.
 * @param {number[]} near
 */
function placePictures(near) {
  /** @type {Placed[]} */
  const found = [];
  for (const point of near.toReversed()) {
    const bitmap = bitmaps.get(point);
    const { width, height } = bitmap ? cssSize(bitmap) : { width: PICTURE_SIDE, height: PICTURE_SIDE };
    const left = placeOf(point).x - width / 2;
    const top = placeOf(point).y - height / 2;
    const free = found.every(
      (one) =>
        left + width + 6 < one.left ||
        one.left + one.width + 6 < left ||
        top + height + 6 < one.top ||
        one.top + one.height + 6 < top,
    );
    if (free && atlas.address(point)) found.push({ point, left, top, width, height });
  }
  return found;
}

/** @param {ImageBitmap} bitmap */
function cssSize({ width, height }) {
  return { width: width / size.density, height: height / size.density };
}

/** @param {Placed} picture */
function drawPicture({ point, left, top, width, height }) {
  const bitmap = bitmaps.get(point);
  if (!bitmap) return; // The point is there.
  const { colour } = atlas.looks[atlas.lookOf[point]];
  context.fillStyle = getComputedStyle(canvas).getPropertyValue(colour);
  context.fillRect(left - 3, top - 3, width + 6, height + 6);
  context.drawImage(bitmap, left, top, width, height);
}

/** Load the pictures in view that are not there yet. */
function loadPictures() {
  for (const { point } of placed) {
    if (!bitmaps.has(point)) loadPicture(point);
  }
  for (const point of bitmaps.keys()) {
    if (bitmaps.size <= MOST_KEPT) break;
    bitmaps.get(point)?.close();
    bitmaps.delete(point);
  }
}

/** @param {number} point */
async function loadPicture(point) {
  bitmaps.set(point, null);
  const img = new Image();
  img.src = atlas.address(point) ?? "";
  try {
    await img.decode();
    const shrink = (PICTURE_SIDE * size.density) / Math.max(img.naturalWidth, img.naturalHeight);
    const resizeWidth = Math.max(1, Math.round(img.naturalWidth * shrink));
    const resizeHeight = Math.max(1, Math.round(img.naturalHeight * shrink));
    bitmaps.set(point, await createImageBitmap(img, { resizeWidth, resizeHeight, resizeQuality: "medium" }));
  } catch {
    return; // There is no such picture: the point stays.
  }
  redraw();
}

function resize() {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return;
  const density = Math.min(window.devicePixelRatio || 1, 2);
  const isFirst = size.width === 0;
  const middle = worldAt(size.width / 2, size.height / 2);
  size = { width, height, density };
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  bits = new ImageData(canvas.width, canvas.height);
  pixels = new Uint32Array(bits.data.buffer);
  whole = Math.min((width - 2 * MARGIN) / extent.x, (height - 2 * MARGIN) / extent.y);
  if (isFirst) showWhole();
  else centre(middle);
  draw(); // At once: the new canvas is empty.
}

// ---- Moving and zooming

/** @param {number} point */
function placeOf(point) {
  return { x: atlas.x[point] * view.scale + view.left, y: atlas.y[point] * view.scale + view.top };
}

/** @param {number} x @param {number} y */
function worldAt(x, y) {
  return { x: (x - view.left) / view.scale, y: (y - view.top) / view.scale };
}

/** @param {{ x: number, y: number }} middle */
function centre({ x, y }) {
  view.left = size.width / 2 - x * view.scale;
  view.top = size.height / 2 - y * view.scale;
}

function showWhole() {
  view.scale = whole;
  centre({ x: extent.x / 2, y: extent.y / 2 });
  redraw();
}

/** @param {number} dx @param {number} dy */
function pan(dx, dy) {
  view.left += dx;
  view.top += dy;
  tip.hidden = true;
  redraw();
}

/**
 * Zoom, and keep a place of the canvas where it is.
 * @param {number} by @param {number} [x] @param {number} [y]
 */
function zoomMap(by, x = size.width / 2, y = size.height / 2) {
  const { x: worldX, y: worldY } = worldAt(x, y);
  view.scale = Math.min(Math.max(view.scale * by, whole * FARTHEST), whole * NEAREST);
  view.left = x - worldX * view.scale;
  view.top = y - worldY * view.scale;
  tip.hidden = true;
  redraw();
}

// ---- Selecting

/** @type {{ x: number, y: number }[] | null} */
let lasso = null; // Its corners on the map, while it is drawn.

function drawLasso() {
  if (!lasso) return;
  context.beginPath();
  for (const { x, y } of lasso) context.lineTo(x * view.scale + view.left, y * view.scale + view.top);
  context.closePath();
  context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--accent");
  context.lineWidth = 2;
  context.stroke();
}

/**
 * Return the points that are drawn inside a polygon.
 * @param {{ x: number, y: number }[]} corners
 */
function inside(corners) {
  return [...atlas.order].filter((point) => isInside(atlas.x[point], atlas.y[point], corners));
}

/**
 * Whether a line from a place to the right crosses the edges an odd number of times.
 * @param {number} x @param {number} y @param {{ x: number, y: number }[]} corners
 */
function isInside(x, y, corners) {
  let odd = false;
  for (let n = 0; n < corners.length; n += 1) {
    const a = corners[n];
    const b = corners[(n + 1) % corners.length];
    if (a.y > y !== b.y > y && x < a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x)) odd = !odd;
  }
  return odd;
}

function selectView() {
  const { x: left, y: top } = worldAt(0, 0);
  const { x: right, y: bottom } = worldAt(size.width, size.height);
  const corners = [
    { x: left, y: top },
    { x: right, y: top },
    { x: right, y: bottom },
    { x: left, y: bottom },
  ];
  atlas.selected(inside(corners));
}

/**
 * Return the picture or point at a place of the canvas, or -1.
 * @param {number} x @param {number} y
 */
function pointAt(x, y) {
  const picture = placed.find(
    ({ left, top, width, height }) => x >= left && x <= left + width && y >= top && y <= top + height,
  );
  if (picture) return picture.point;
  let nearest = { point: -1, distance: REACH };
  for (const point of atlas.order) {
    const place = placeOf(point);
    const distance = Math.hypot(place.x - x, place.y - y);
    if (distance <= nearest.distance) nearest = { point, distance };
  }
  return nearest.point;
}

// ---- What shows the photo under the mouse

/** @param {number} x @param {number} y */
function hover(x, y) {
  const point = pointAt(x, y);
  tip.hidden = point < 0;
  canvas.classList.toggle("on-point", point >= 0);
  if (point < 0) return;
  if (tip.dataset.point !== String(point)) fillTip(point);
  tip.style.left = `${x > size.width / 2 ? x - tip.offsetWidth - 14 : x + 14}px`;
  tip.style.top = `${y > size.height / 2 ? y - tip.offsetHeight - 14 : y + 14}px`;
}

/** @param {number} point */
function fillTip(point) {
  tip.dataset.point = String(point);
  const lines = atlas.words(point).map((words) => element("p", "", words));
  const address = atlas.address(point);
  const img = new Image();
  img.alt = "";
  img.src = address ?? "";
  tip.replaceChildren(...(address ? [img] : []), ...lines);
}

// ---- Mouse, fingers and keys

/** @type {Map<number, { x: number, y: number }>} */
const pointers = new Map(); // Those that are pressed.
let moved = 0; // How far they moved.

/** @param {MouseEvent} event */
function placeOfEvent(event) {
  const { left, top } = canvas.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

/** @param {PointerEvent} event */
function pressPointer(event) {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  const place = placeOfEvent(event);
  pointers.set(event.pointerId, place);
  const isOne = pointers.size === 1;
  moved = isOne ? 0 : Infinity;
  lasso = isOne && (event.shiftKey || atlas.dragsLasso()) ? [worldAt(place.x, place.y)] : null;
}

/** @param {PointerEvent} event */
function movePointer(event) {
  const place = placeOfEvent(event);
  const before = pointers.get(event.pointerId);
  if (!before) {
    hover(place.x, place.y);
    return;
  }
  const [dx, dy] = [place.x - before.x, place.y - before.y];
  moved += Math.hypot(dx, dy);
  if (pointers.size > 1) pinch(event.pointerId, before, place);
  else if (lasso) {
    lasso.push(worldAt(place.x, place.y));
    redraw();
  } else if (moved > CLICK && event.pointerType !== "touch") pan(dx, dy); // One finger scrolls the page.
  pointers.set(event.pointerId, place);
}

/**
 * Zoom by two fingers, of which one has moved.
 * @param {number} id @param {{ x: number, y: number }} before @param {{ x: number, y: number }} place
 */
function pinch(id, before, place) {
  const other = [...pointers].find(([other_]) => other_ !== id)?.[1];
  if (!other) return;
  const was = Math.hypot(before.x - other.x, before.y - other.y);
  const is = Math.hypot(place.x - other.x, place.y - other.y);
  pan((place.x - before.x) / 2, (place.y - before.y) / 2);
  if (was > 0) zoomMap(is / was, (place.x + other.x) / 2, (place.y + other.y) / 2);
}

/** @param {PointerEvent} event */
function releasePointer(event) {
  if (!pointers.delete(event.pointerId) || pointers.size > 0) return;
  const { x, y } = placeOfEvent(event);
  const corners = lasso;
  lasso = null;
  redraw();
  if (event.type === "pointercancel") return;
  if (moved <= CLICK) {
    const point = pointAt(x, y);
    if (point >= 0) atlas.open(point);
  } else if (corners) atlas.selected(inside(corners));
}

/** @type {Record<string, () => void>} */
const MAP_KEYS = {
  ArrowLeft: () => pan(STEP, 0),
  ArrowRight: () => pan(-STEP, 0),
  ArrowUp: () => pan(0, STEP),
  ArrowDown: () => pan(0, -STEP),
  "+": () => zoomMap(ZOOM_STEP),
  "-": () => zoomMap(1 / ZOOM_STEP),
  0: showWhole,
  v: selectView,
  Escape: () => atlas.ended(),
};

/** @param {KeyboardEvent} event */
function pressKey(event) {
  const act = MAP_KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  act();
  event.preventDefault();
}

/** @param {Float64Array} coordinates */
function largest(coordinates) {
  return coordinates.reduce((most, one) => Math.max(most, one), 0.1);
}

/** @param {Atlas} given */
function startAtlas(given) {
  atlas = given;
  extent = { x: largest(atlas.x), y: largest(atlas.y) };
  canvas.addEventListener("pointerdown", pressPointer);
  canvas.addEventListener("pointermove", movePointer);
  canvas.addEventListener("pointerup", releasePointer);
  canvas.addEventListener("pointercancel", releasePointer);
  canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  canvas.addEventListener(
    "touchmove",
    (event) => {
      if (event.touches.length > 1) event.preventDefault(); // Two fingers would scroll the page, too.
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", pressKey);
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = placeOfEvent(event);
      zoomMap(Math.exp(-event.deltaY / 400), x, y);
    },
    { passive: false },
  );
  new ResizeObserver(resize).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    made.radius = 0; // The colours are others.
    redraw();
  });
}
