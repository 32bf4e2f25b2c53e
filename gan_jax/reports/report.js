"use strict";
// The gallery: draws every seed's samples at a chosen moment, sorts and filters them. It reads the
// JSON beside it and nothing else; names reach the page as text only.

const NOTHING = 255;
const LEVELS = 254;
const GREY = "#8A8A8A";
const BLACK = "#000000";
const FRAME_MILLISECONDS = 450;
const FIRST_CARDS = 36; // shown until all are asked for
let printing = false;

function bytes(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function ink(colour) {
  if (colour.toUpperCase() !== BLACK) return colour;
  return printing ? BLACK : getComputedStyle(document.body).color;
}

// One picture's values of all: [count, ...] of the given shape, from a place on.
function slice(values, shape, place) {
  const size = shape.reduce((product, n) => product * n, 1);
  return values.subarray(place * size, (place + 1) * size);
}

function drawPoints(context, side, values, colour, size) {
  context.fillStyle = colour;
  let outside = 0;
  for (let i = 0; i < values.length; i += 2) {
    if (values[i] === NOTHING) { outside += 1; continue; }
    const x = (values[i] / LEVELS) * side;
    const y = (1 - values[i + 1] / LEVELS) * side;
    context.fillRect(x - size / 2, y - size / 2, size, size);
  }
  return outside;
}

function counts(values, bins) {
  const found = new Array(bins).fill(0);
  let inside = 0;
  for (const value of values) {
    if (value === NOTHING) continue;
    found[Math.min(bins - 1, Math.floor((value / (LEVELS + 1)) * bins))] += 1;
    inside += 1;
  }
  return { shares: found.map((n) => n / Math.max(values.length, 1)), outside: values.length - inside };
}

function drawLine(context, side, values, real, colour) {
  const bins = 32;
  const width = side / bins;
  const reals = counts(real, bins).shares;
  const { shares, outside } = counts(values, bins);
  const top = 1.6 * Math.max(...reals, 1e-9);
  const height = (share) => Math.min(share / top, 1) * side;
  context.fillStyle = GREY + "80";
  reals.forEach((share, bin) => context.fillRect(bin * width, side - height(share), width, height(share)));
  context.strokeStyle = colour;
  context.lineWidth = side / 90;
  context.beginPath();
  context.moveTo(0, side);
  shares.forEach((share, bin) => {
    context.lineTo(bin * width, side - height(share));
    context.lineTo((bin + 1) * width, side - height(share));
  });
  context.stroke();
  return outside;
}

function drawImages(context, side, values, shape) {
  const [n, height, width, channels] = shape;
  const columns = Math.ceil(Math.sqrt(n));
  const gap = 1;
  const sheet = document.createElement("canvas");
  sheet.width = columns * (width + gap) - gap;
  sheet.height = Math.ceil(n / columns) * (height + gap) - gap;
  const onto = sheet.getContext("2d");
  for (let i = 0; i < n; i += 1) {
    const pixels = onto.createImageData(width, height);
    const one = values.subarray(i * height * width * channels);
    for (let p = 0; p < height * width; p += 1) {
      for (let c = 0; c < 3; c += 1) pixels.data[4 * p + c] = one[p * channels + (channels === 3 ? c : 0)];
      pixels.data[4 * p + 3] = 255;
    }
    onto.putImageData(pixels, (i % columns) * (width + gap), Math.floor(i / columns) * (height + gap));
  }
  const scale = Math.min(side / sheet.width, side / sheet.height);
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(sheet, 0, 0, sheet.width * scale, sheet.height * scale);
}

function drawSequences(context, side, values, shape, colour) {
  const [n, times] = shape;
  const band = side / n;
  context.lineWidth = side / 130;
  for (let i = 0; i < n; i += 1) {
    context.strokeStyle = GREY + "60";
    context.strokeRect(0, (i + 0.5) * band, side, 0);
    context.strokeStyle = colour;
    context.beginPath();
    for (let t = 0; t < times; t += 1) {
      const value = values[i * times + t];
      if (value === NOTHING) continue;
      context.lineTo((t / Math.max(times - 1, 1)) * side, (i + 1 - value / LEVELS) * band);
    }
    context.stroke();
  }
}

function draw(gallery, canvas, values, shape, colour) {
  const side = Math.round(canvas.clientWidth * Math.min(window.devicePixelRatio || 1, 2)) || 150;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, side, side);
  if (gallery.kind === "points") {
    context.globalAlpha = 0.55;
    drawPoints(context, side, gallery.realBytes, GREY, side / 75);
    context.globalAlpha = 0.8;
    const outside = drawPoints(context, side, values, colour, side / 60);
    context.globalAlpha = 1;
    return outside;
  }
  if (gallery.kind === "line") return drawLine(context, side, values, gallery.realBytes, colour);
  if (gallery.kind === "images") drawImages(context, side, values, shape);
  else drawSequences(context, side, values, shape, colour);
  return 0;
}

// A seed's moment: where its variant has fewer, its last.
function momentOf(steps, moment) {
  let last = moment;
  while (last > 0 && steps[last] < 0) last -= 1;
  return last;
}

const ORDERS = {
  best: (a, b) => (a.distance ?? Infinity) - (b.distance ?? Infinity) || 0,
  worst: (a, b) => (b.distance ?? Infinity) - (a.distance ?? Infinity) || 0,
  seed: (a, b) => a.seed - b.seed || a.variant - b.variant,
  verdict: (a, b) => a.rank - b.rank || ORDERS.best(a, b),
  variant: (a, b) => a.variant - b.variant || ORDERS.best(a, b),
};

function pill(holder, label, colour, onChange) {
  const button = element("button");
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  const dot = element("i", "dot");
  dot.style.background = colour.toUpperCase() === BLACK ? "currentColor" : colour;
  const name = element("span", "", label);
  name.dir = "auto";
  button.title = label;
  button.append(dot, name);
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    onChange(pressed);
  });
  holder.append(button);
}

function makeCard(gallery, card) {
  const variant = gallery.variants[card.variant];
  const box = element("div", "card");
  box.style.borderTop = `4px ${variant.border} ${variant.colour.toUpperCase() === BLACK ? "currentColor" : variant.colour}`;
  box.dataset.seed = card.seed;
  box.dataset.verdict = card.verdict;
  box.dataset.variant = card.variant;
  const name = element("div", "cut", variant.name);
  name.dir = "auto";
  name.title = variant.name;
  const canvas = element("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `samples of seed ${card.seed}`);
  const verdict = element("div", "verdict", "");
  const dot = element("i", "dot");
  dot.style.background = gallery.verdictColours[card.verdict] || GREY;
  verdict.append(dot, card.verdict);
  const evidence = element("div", "quiet", card.evidence);
  evidence.dir = "auto";
  const head = element("div", "head quiet");
  const when = element("span", "");
  head.append(element("span", "", `seed ${card.seed}`), when);
  const distance = card.distance === null ? "failed" : `distance ${Number(card.distance.toPrecision(2))}`;
  const last = element("div", "quiet", distance);
  box.append(name, head, canvas, verdict, evidence, last);
  return { box, canvas, when };
}

function realCard(gallery) {
  if (gallery.kind === "points" || gallery.kind === "line") return null;
  const box = element("div", "card real");
  const canvas = element("canvas");
  box.append(element("div", "", "real samples"), element("div", "head quiet", "\u00a0"), canvas);
  return { box, canvas };
}

function setUp(section) {
  const gallery = JSON.parse(section.querySelector("script").textContent);
  const all = bytes(gallery.samples);
  gallery.realBytes = bytes(gallery.real);
  const part = (name) => section.querySelector(`[data-part="${name}"]`);
  const moments = gallery.shape[0];
  const shape = gallery.shape.slice(1);
  const verdicts = Object.keys(gallery.verdictColours);
  const off = { verdict: new Set(), variant: new Set() };
  const real = realCard(gallery);
  const cards = gallery.cards.map((card, place) => ({
    ...card, place, rank: verdicts.indexOf(card.verdict), ...makeCard(gallery, card),
  }));
  const slider = part("moment");
  slider.max = String(moments - 1);
  slider.value = slider.max;
  part("time").hidden = moments < 2;
  let every = false;
  const alike = gallery.steps.every((steps) => String(steps) === String(gallery.steps[0]));

  function paint() {
    const moment = Number(slider.value);
    const step = gallery.steps.length ? gallery.steps[0][moment] : 0;
    part("step").value = alike ? `step ${step.toLocaleString("en")}` : `moment ${moment + 1} of ${moments}`;
    for (const card of cards) {
      if (card.box.hidden) continue;
      const own = momentOf(gallery.steps[card.variant], moment);
      const colour = ink(gallery.variants[card.variant].colour);
      const values = slice(all, shape, card.place * moments + own);
      const outside = draw(gallery, card.canvas, values, shape, colour);
      const when = alike ? "" : `step ${gallery.steps[card.variant][own].toLocaleString("en")}`;
      card.when.textContent = outside ? `${outside} outside` : when;
    }
    if (real) draw(gallery, real.canvas, gallery.realBytes, gallery.realShape, GREY);
  }

  function arrange() {
    const order = ORDERS[part("sort").value];
    const sorted = [...cards].sort((a, b) => order(a, b) || a.place - b.place);
    let found = 0;
    for (const card of sorted) {
      const chosen = !off.verdict.has(card.verdict) && !off.variant.has(card.variant);
      found += chosen ? 1 : 0;
      card.box.hidden = !chosen || (!every && found > FIRST_CARDS);
    }
    part("more").hidden = every || found <= FIRST_CARDS;
    part("more").textContent = `show all ${found} seeds`;
    part("cards").replaceChildren(...(real ? [real.box] : []), ...sorted.map((card) => card.box));
    part("count").textContent = `${found} of ${cards.length} seeds`;
    paint();
  }

  function filter(kind, key) {
    return (pressed) => {
      if (pressed) off[kind].delete(key);
      else off[kind].add(key);
      arrange();
    };
  }

  for (const verdict of verdicts) {
    const n = cards.filter((card) => card.verdict === verdict).length;
    if (n) pill(part("verdicts"), `${verdict} ${n}`, gallery.verdictColours[verdict], filter("verdict", verdict));
  }
  gallery.variants.forEach((variant, place) => {
    if (cards.some((card) => card.variant === place)) pill(part("variants"), variant.name, variant.colour, filter("variant", place));
  });
  part("sort").addEventListener("change", arrange);
  part("more").addEventListener("click", () => {
    every = true;
    arrange();
  });
  slider.addEventListener("input", paint);
  let playing = null;
  part("play").addEventListener("click", () => {
    if (playing === null && slider.value === slider.max) slider.value = "0";
    else if (playing !== null) { clearInterval(playing); playing = null; part("play").textContent = "▶ play"; return; }
    part("play").textContent = "❚❚ pause";
    paint();
    playing = setInterval(() => {
      if (slider.value === slider.max) { clearInterval(playing); playing = null; part("play").textContent = "▶ play"; return; }
      slider.value = String(Number(slider.value) + 1);
      paint();
    }, FRAME_MILLISECONDS);
  });
  part("controls").hidden = false;
  arrange();
  const redraw = () => requestAnimationFrame(paint);
  window.addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    window.addEventListener(event, () => { printing = state; paint(); });
  }
}

for (const section of document.querySelectorAll(".gallery")) setUp(section);
