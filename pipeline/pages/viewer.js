"use strict";
// The gallery and the viewer of mammograms: gallery.html holds their elements, gallery.py their data.
// All places are pixels (row, col) of the original image, with centres at integers.

const byId = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// ---- light and dark -------------------------------------------------------------------------
// Inside a sandboxed frame, as MLflow shows pages, there is no storage to remember the choice.
function storage() {
  try {
    return window.localStorage;
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    return null;
  }
}

function startTheme() {
  const button = byId("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const theme = storage()?.getItem("theme") ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = button.dataset.chosen ?? theme;
    button.textContent = document.documentElement.dataset.theme === "dark" ? "Light" : "Dark";
  };
  button.addEventListener("click", () => {
    button.dataset.chosen = button.textContent.toLowerCase();
    storage()?.setItem("theme", button.dataset.chosen);
    show();
  });
  system.addEventListener("change", show);
  button.hidden = false;
  show();
}

// ---- links ----------------------------------------------------------------------------------
// A link into a folded part opens it. Where the page is shown without its folder, as in MLflow, a
// link to another file leads nowhere, and its name remains.
function startLinks() {
  const open = (hash) => {
    const part = hash.length > 1 ? byId(decodeURIComponent(hash.slice(1))) : null;
    part?.querySelector("details")?.setAttribute("open", "");
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']");
    if (link) open(link.hash);
  });
  open(window.location.hash);
  if (window.origin === "null" && window.location.protocol !== "file:") {
    for (const link of document.querySelectorAll("a[href]:not([href^='#'], [href*='://'])")) {
      link.replaceWith(...link.childNodes);
    }
  }
}

// ---- the gallery ----------------------------------------------------------------------------
// What comes first, by the value that decides; mammograms without one come last.
const ORDERS = {
  score: (item) => item.score,
  miss: (item) => (item.miss === null ? null : -item.miss),
  alarm: (item) => item.alarm,
  doubt: (item) => item.doubt,
};

class Gallery {
  constructor(data, open) {
    this.items = data.items;
    this.shown = [...this.items];
    this.list = byId("gallery");
    this.cards = new Map([...this.list.children].map((card) => [card.dataset.image, card]));
    this.filters = [...document.querySelectorAll("select[data-filter]")];
    this.order = byId("order");
    for (const select of [this.order, ...this.filters]) {
      select.addEventListener("change", () => this.update());
    }
    this.list.addEventListener("click", (event) => {
      const card = event.target.closest("li");
      if (card) open(card.dataset.image);
    });
    byId("gallery-controls").hidden = false;
    this.update();
  }

  update() {
    const wanted = this.filters.filter((select) => select.value !== "");
    const key = ORDERS[this.order.value];
    const fits = (item) =>
      wanted.every((select) => [item[select.dataset.filter]].flat().includes(select.value));
    this.shown = this.items
      .filter(fits)
      .sort((a, b) => (key(b) ?? -Infinity) - (key(a) ?? -Infinity) || 0);
    this.list.replaceChildren(...this.shown.map((item) => this.cards.get(item.id)));
    byId("count").textContent = `${this.shown.length} of ${this.items.length} mammograms`;
    byId("order-meaning").textContent = this.order.selectedOptions[0].dataset.meaning;
  }
}

// ---- values of a map ------------------------------------------------------------------------
function decoded(map) {
  const text = atob(map.values);
  const [height, width] = map.shape;
  const [lowest, step] = map.steps;
  const values = new Float32Array(height * width);
  for (let at = 0; at < values.length; at += 1) {
    const steps = text.charCodeAt(2 * at) + 256 * text.charCodeAt(2 * at + 1);
    values[at] = steps === 0 ? NaN : 1 / (1 + Math.exp(-(lowest + (steps - 1) * step)));
  }
  return values;
}

// As pipeline/run/words.py says a share.
function percent(share, highest) {
  if (highest < 1 && share >= highest - 5e-6) return `${percent(highest, 1)} or more`;
  const value = 100 * share;
  if (value < 0.01) return "<0.01 %";
  const digits = value < 0.995 ? 2 : value < 9.95 || value >= 99.5 ? 1 : 0;
  return value < 99.95 ? `${value.toFixed(digits)} %` : ">99.9 %";
}

// The colours of a map over its positions, four pixels from one to the next.
function heatPicture(map, values, scale) {
  const FINE = 4;
  const [height, width] = map.shape;
  const logit = (p) => Math.log(p / (1 - p));
  const [low, high] = [logit(scale.low), logit(scale.high)];
  const shares = Float32Array.from(values, (p) =>
    Number.isNaN(p) ? 0 : clamp((logit(clamp(p, 1e-6, 1 - 1e-6)) - low) / (high - low), 0, 1),
  );
  const canvas = document.createElement("canvas");
  canvas.width = (width - 1) * FINE + 1;
  canvas.height = (height - 1) * FINE + 1;
  const pixels = new ImageData(canvas.width, canvas.height);
  for (let y = 0; y < canvas.height; y += 1) {
    const row = Math.min(Math.floor(y / FINE), Math.max(height - 2, 0));
    const below = Math.min(row + 1, height - 1) * width;
    const down = y / FINE - row;
    for (let x = 0; x < canvas.width; x += 1) {
      const col = Math.min(Math.floor(x / FINE), Math.max(width - 2, 0));
      const next = Math.min(col + 1, width - 1);
      const right = x / FINE - col;
      const top = shares[row * width + col] * (1 - right) + shares[row * width + next] * right;
      const bottom = shares[below + col] * (1 - right) + shares[below + next] * right;
      const share = top * (1 - down) + bottom * down;
      const colour = 3 * Math.min(255, Math.floor(256 * share));
      const at = 4 * (y * canvas.width + x);
      for (let c = 0; c < 3; c += 1) pixels.data[at + c] = scale.colours[colour + c];
      pixels.data[at + 3] = Math.round(255 * Math.sqrt(share));
    }
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return { canvas, fine: FINE };
}

// ---- one mammogram on the screen ------------------------------------------------------------
const TRUTH = "#4dff9d";
const REGION = "#ffffff";
const FONT = "600 13px system-ui, sans-serif";
const BARS_MM = [50, 20, 10, 5, 2, 1];

class Panel {
  constructor(viewer, item, which) {
    this.viewer = viewer;
    this.item = item;
    this.map = item.maps[which];
    this.values = this.map.probabilities ??= decoded(this.map);
    this.heat = this.map.heat ??= heatPicture(this.map, this.values, viewer.data.scale);
    this.element = document.createElement("figure");
    this.grey = document.createElement("canvas");
    this.marks = document.createElement("canvas");
    this.grey.className = "grey";
    this.marks.tabIndex = 0;
    this.marks.setAttribute("role", "img");
    this.marks.setAttribute("aria-label", `${item.title}, ${this.map.name}: ${item.highest}`);
    const caption = document.createElement("figcaption");
    caption.textContent = [item.title, item.maps.length > 1 ? this.map.name : ""].join("  ");
    this.element.append(this.grey, this.marks, caption);
    this.picture = new Image();
    this.picture.src = item.picture;
    this.picture.decode().then(() => viewer.draw());
    this.middle = this.centre();
    viewer.listen(this);
  }

  centre() {
    const [top, bottom, left, right] = this.item.field;
    return { row: (top + bottom) / 2, col: (left + right) / 2 };
  }

  // Pixels of the screen for each millimetre, with which the whole field is seen.
  fit() {
    const [top, bottom, left, right] = this.item.field;
    const { clientWidth: width, clientHeight: height } = this.marks;
    const mm = this.item.spacing_mm;
    return Math.min(width / (mm * (right - left)), height / (mm * (bottom - top)));
  }

  get scale() {
    return this.viewer.perMm * this.item.spacing_mm; // of the screen for each original pixel
  }

  toScreen(row, col) {
    const { clientWidth: width, clientHeight: height } = this.marks;
    return [
      width / 2 + (col - this.middle.col) * this.scale,
      height / 2 + (row - this.middle.row) * this.scale,
    ];
  }

  toImage(x, y) {
    const { clientWidth: width, clientHeight: height } = this.marks;
    return {
      row: this.middle.row + (y - height / 2) / this.scale,
      col: this.middle.col + (x - width / 2) / this.scale,
    };
  }

  // The value at the position of the map that is nearest; NaN where there is none.
  valueAt({ row, col }) {
    const [height, width] = this.map.shape;
    const i = Math.round((row - this.map.rows[0]) / this.map.rows[1]);
    const j = Math.round((col - this.map.cols[0]) / this.map.cols[1]);
    return i < 0 || j < 0 || i >= height || j >= width ? NaN : this.values[i * width + j];
  }

  draw() {
    const fine = window.devicePixelRatio || 1;
    const contexts = [this.grey, this.marks].map((canvas) => {
      canvas.width = Math.round(this.marks.clientWidth * fine);
      canvas.height = Math.round(this.marks.clientHeight * fine);
      const context = canvas.getContext("2d");
      context.scale(fine, fine);
      context.imageSmoothingQuality = "high";
      return context;
    });
    const [top, bottom, left, right] = this.item.field;
    const [x0, y0] = this.toScreen(top, left);
    const [x1, y1] = this.toScreen(bottom, right);
    if (this.picture.complete) contexts[0].drawImage(this.picture, x0, y0, x1 - x0, y1 - y0);
    this.drawMarks(contexts[1], [x0, y0, x1 - x0, y1 - y0]);
  }

  drawMarks(context, field) {
    const { shown, opacity } = this.viewer;
    context.save();
    context.beginPath();
    context.rect(...field);
    context.clip();
    if (shown.heat) {
      const { canvas, fine } = this.heat;
      const [[row0, down], [col0, across]] = [this.map.rows, this.map.cols];
      const [x, y] = this.toScreen(row0 - down / fine / 2, col0 - across / fine / 2);
      const size = [canvas.width * across, canvas.height * down].map((n) => (n / fine) * this.scale);
      context.globalAlpha = opacity;
      context.drawImage(canvas, x, y, ...size);
      context.globalAlpha = 1;
    }
    if (shown.regions) {
      for (const lines of this.map.regions) this.drawLines(context, lines, REGION, [6, 4]);
    }
    if (shown.truth) {
      for (const finding of this.item.truth) {
        this.drawLines(context, finding.lines, TRUTH, finding.counts ? [] : [2, 4]);
      }
    }
    context.restore();
    if (shown.regions) this.drawNames(context);
    this.drawBar(context);
    if (this.viewer.at?.panel === this) this.drawCross(context, this.viewer.at);
  }

  drawLines(context, lines, colour, dashes) {
    for (const [width, style] of [[4, "#000000a0"], [2, colour]]) {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.setLineDash(width === 2 ? dashes : []);
      for (const line of lines) {
        context.beginPath();
        for (const [row, col] of line) context.lineTo(...this.toScreen(row, col));
        context.stroke();
      }
    }
    context.setLineDash([]);
  }

  write(context, text, x, y, colour) {
    context.font = FONT;
    context.lineWidth = 3;
    context.strokeStyle = "#000000c0";
    context.strokeText(text, x, y);
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  // At the right of a region, or at its left where the screen ends.
  drawNames(context) {
    context.font = FONT;
    this.map.regions.forEach((lines, index) => {
      const [points, name] = [lines[0], this.map.names[index]];
      if (!points) return;
      const cols = points.map((point) => point[1]);
      const row = Math.min(...points.map((point) => point[0]));
      const [x, y] = this.toScreen(row, Math.max(...cols));
      const [left] = this.toScreen(row, Math.min(...cols));
      const wide = context.measureText(name).width + 4;
      this.write(context, name, x + wide > this.marks.clientWidth ? left - wide : x + 4, y, REGION);
    });
  }

  drawBar(context) {
    const { clientWidth: width, clientHeight: height } = this.marks;
    const mm = BARS_MM.find((length) => length * this.viewer.perMm <= width / 4) ?? 1;
    const long = mm * this.viewer.perMm;
    context.fillStyle = "#e8eaed";
    context.fillRect(width - 12 - long, height - 12, long, 4);
    this.write(context, `${mm} mm`, width - 12 - long, height - 18, "#e8eaed");
  }

  drawCross(context, { row, col }) {
    const [x, y] = this.toScreen(row, col);
    context.strokeStyle = "#7fd4ff";
    context.lineWidth = 1;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 5 * dx, y + 5 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.stroke();
  }

  words({ row, col }) {
    const value = this.valueAt({ row, col });
    const probability = Number.isNaN(value)
      ? "outside the breast"
      : percent(value, this.viewer.data.highest);
    const mm = this.item.spacing_mm;
    const at = [(row + 0.5) * mm, (col + 0.5) * mm].map((length) => length.toFixed(1));
    return {
      probability,
      place:
        `${at[0]} mm from the top, ${at[1]} mm from the left of the original image ` +
        `(row ${Math.round(row)}, column ${Math.round(col)})`,
    };
  }
}

// ---- the viewer -----------------------------------------------------------------------------
// Which mammograms stand beside each other, from the one that is looked at.
const LAYOUTS = {
  one: (item) => [item],
  views: (item, all) => all.filter((x) => x.patient === item.patient && x.side === item.side),
  breasts: (item, all) => all.filter((x) => x.patient === item.patient && x.view === item.view),
  all: (item, all) => all.filter((x) => x.patient === item.patient),
};
const MOST_PANELS = 8;

class Viewer {
  constructor(data) {
    this.data = data;
    this.dialog = byId("viewer");
    this.panels = [];
    this.item = null;
    this.shown = { heat: true, truth: true, regions: true };
    this.layout = data.items.some((item) => item.maps.length > 1) ? "maps" : "one";
    this.at = null;
    this.gallery = new Gallery(data, (id) => this.open(id));
    this.drawLegend();
    this.connect();
  }

  connect() {
    for (const id of ["opacity", "window", "level"]) {
      byId(id).addEventListener("input", () => this.draw());
    }
    for (const box of document.querySelectorAll("input[data-shows]")) {
      box.addEventListener("change", () => {
        this.shown[box.dataset.shows] = box.checked;
        this.draw();
      });
    }
    for (const button of document.querySelectorAll("button[data-layout]")) {
      button.addEventListener("click", () => this.arrange(button.dataset.layout));
    }
    for (const button of document.querySelectorAll("button[data-do]")) {
      button.addEventListener("click", () => this.act(button.dataset.do));
    }
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    // A tap on a link to a mammogram of this page opens it.
    document.addEventListener("click", (event) => {
      const target = event.target.closest?.("a[href^='#image-']")?.hash.slice("#image-".length);
      const id = target === undefined ? undefined : decodeURIComponent(target);
      if (this.data.items.some((item) => item.id === id)) {
        event.preventDefault();
        this.open(id);
      }
    });
    new ResizeObserver(() => this.draw()).observe(byId("panels"));
    const named = decodeURIComponent(window.location.hash.slice("#image-".length));
    if (this.data.items.some((item) => item.id === named)) this.open(named);
  }

  open(id) {
    this.item = this.data.items.find((item) => item.id === id);
    if (!this.dialog.open) this.dialog.showModal();
    this.arrange(this.layout);
  }

  arrange(layout) {
    this.layout = layout;
    const { item, data } = this;
    const chosen =
      layout === "maps"
        ? item.maps.map((_, which) => [item, which])
        : this.together(layout).map((one) => [one, 0]);
    this.panels = chosen.map(([one, which]) => new Panel(this, one, which));
    byId("panels").replaceChildren(...this.panels.map((panel) => panel.element));
    byId("panels").dataset.panels = this.panels.length;
    byId("viewer-title").textContent = item.title;
    byId("viewer-facts").textContent = item.facts;
    byId("viewer-truth").textContent = item.truth_words;
    for (const button of document.querySelectorAll("button[data-layout]")) {
      const name = button.dataset.layout;
      button.setAttribute("aria-pressed", String(name === layout));
      const more = name === "maps" ? item.maps.length > 1 : this.together(name).length > 1;
      button.disabled = name !== "one" && !more;
    }
    this.at = null;
    this.say();
    this.fillTable(data.columns);
    this.act("fit");
  }

  together(layout) {
    const found = LAYOUTS[layout](this.item, this.data.items);
    // As films hang: chest walls in the middle, so the right breast at the left; CC before MLO.
    const place = (one) => [one.view, one.wall_at_right ? 0 : 1, one.id].join();
    found.sort((a, b) => (place(a) < place(b) ? -1 : 1));
    return found.length > MOST_PANELS ? [this.item] : found;
  }

  fillTable(columns) {
    const table = byId("viewer-regions");
    const cells = (kind, texts) => {
      const row = document.createElement("tr");
      for (const text of texts) {
        const cell = document.createElement(kind);
        cell.append(text);
        row.append(cell);
      }
      return row;
    };
    const several = this.item.maps.length > 1;
    const rows = this.item.maps.flatMap((map, which) =>
      map.table.map((region) => {
        const button = document.createElement("button");
        button.textContent = several ? `${map.name}: ${region.cells[0]}` : region.cells[0];
        button.addEventListener("click", () => this.lookAt(which, region));
        return cells("td", [button, ...region.cells.slice(1)]);
      }),
    );
    table.replaceChildren(...(rows.length ? [cells("th", columns), ...rows] : []));
    byId("no-regions").hidden = rows.length > 0;
  }

  lookAt(which, { row, col }) {
    const own = this.panels.filter((panel) => panel.item === this.item);
    const panel = own[Math.min(which, own.length - 1)];
    this.perMm = Math.max(this.perMm, 2.5 * this.fitting());
    panel.middle = { row, col };
    this.at = { panel, row, col };
    this.say();
    this.draw();
  }

  fitting() {
    return Math.min(...this.panels.map((panel) => panel.fit()));
  }

  zoom(by, panel = null, x = 0, y = 0) {
    const before = panel?.toImage(x, y);
    this.perMm = clamp(this.perMm * by, 0.5 * this.fitting(), 40 * this.fitting());
    if (panel) {
      const after = panel.toImage(x, y);
      panel.middle.row += before.row - after.row;
      panel.middle.col += before.col - after.col;
    }
    this.draw();
  }

  act(what) {
    const shown = this.gallery.shown;
    const step = { next: 1, previous: -1 }[what];
    if (what === "close") this.dialog.close();
    else if (what === "in") this.zoom(1.4);
    else if (what === "out") this.zoom(1 / 1.4);
    else if (what === "fit") {
      for (const panel of this.panels) panel.middle = panel.centre();
      this.perMm = this.fitting();
      this.draw();
    } else if (what === "grey") {
      byId("window").value = 100;
      byId("level").value = 50;
      this.draw();
    } else if (step && shown.length) {
      const at = shown.indexOf(this.item);
      this.open(shown[(at + step + shown.length) % shown.length].id);
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = event.target.matches("input[type=range], select");
    const arrow = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const keys = { n: "next", p: "previous", "+": "in", "=": "in", "-": "out", 0: "fit", g: "grey" };
    const boxes = { h: "heat", t: "truth", r: "regions" };
    const layouts = Object.fromEntries(
      [...document.querySelectorAll("button[data-layout]")].map((b, at) => [at + 1, b]),
    );
    if (event.key in arrow && event.shiftKey) this.moveCross(...arrow[event.key]);
    else if (event.key in arrow && !inField && arrow[event.key][1]) {
      this.act(arrow[event.key][1] > 0 ? "next" : "previous");
    } else if (event.key in keys) this.act(keys[event.key]);
    else if (event.key in boxes) document.querySelector(`[data-shows=${boxes[event.key]}]`).click();
    else if (event.key in layouts) layouts[event.key].click();
    else return;
    event.preventDefault();
  }

  // By one position of the map.
  moveCross(down, right) {
    const panel = this.at?.panel ?? this.panels.find((one) => one.item === this.item);
    const from = this.at ?? { panel, ...panel.middle };
    const { rows, cols } = panel.map;
    this.at = { panel, row: from.row + down * rows[1], col: from.col + right * cols[1] };
    this.say();
    this.draw();
  }

  say() {
    const words = this.at ? this.at.panel.words(this.at) : { probability: "", place: "" };
    byId("pointer-probability").textContent = words.probability;
    byId("pointer-place").textContent =
      words.place || "Point at the mammogram, or move the cross with Shift and the arrows.";
  }

  listen(panel) {
    const { marks } = panel;
    const pointers = new Map();
    const place = (event) => {
      const box = marks.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const spread = () => {
      const [a, b] = [...pointers.values()];
      return Math.hypot(a[0] - b[0], a[1] - b[1]);
    };
    marks.addEventListener("pointerdown", (event) => {
      marks.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, place(event));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      marks.addEventListener(end, (event) => pointers.delete(event.pointerId));
    }
    marks.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      const before = pointers.get(event.pointerId);
      if (before && pointers.size === 2) {
        const apart = spread();
        pointers.set(event.pointerId, [x, y]);
        this.zoom(spread() / Math.max(apart, 1), panel, x, y);
      } else if (before && event.shiftKey) {
        byId("window").value = Number(byId("window").value) + (x - before[0]) / 3;
        byId("level").value = Number(byId("level").value) + (y - before[1]) / 3;
        pointers.set(event.pointerId, [x, y]);
      } else if (before) {
        panel.middle.row -= (y - before[1]) / panel.scale;
        panel.middle.col -= (x - before[0]) / panel.scale;
        pointers.set(event.pointerId, [x, y]);
      }
      this.at = { panel, ...panel.toImage(x, y) };
      this.say();
      this.draw();
    });
    marks.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 500), panel, ...place(event));
      },
      { passive: false },
    );
    marks.addEventListener("dblclick", () => this.act("fit"));
  }

  get opacity() {
    return byId("opacity").value / 100;
  }

  // Until all is drawn, with the pictures, the panels are busy.
  draw() {
    if (!this.dialog.open || this.waiting) return;
    this.waiting = true;
    byId("panels").ariaBusy = "true";
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
      byId("panels").ariaBusy = String(!this.panels.every((panel) => panel.picture.complete));
    });
  }

  drawNow() {
    const [width, level] = ["window", "level"].map((id) => byId(id).value / 100);
    for (const end of document.querySelectorAll("#grey-levels feFuncR, #grey-levels feFuncG, #grey-levels feFuncB")) {
      end.setAttribute("slope", 1 / width);
      end.setAttribute("intercept", 0.5 - level / width);
    }
    for (const id of ["opacity", "window", "level"]) {
      byId(`${id}-value`).textContent = `${byId(id).value} %`;
    }
    for (const panel of this.panels) panel.draw();
  }

  drawLegend() {
    const { scale, threshold } = this.data;
    const canvas = byId("legend");
    const context = canvas.getContext("2d");
    const pixels = new ImageData(256, 1);
    for (let x = 0; x < 256; x += 1) {
      const over = 0.7 * Math.sqrt(x / 255);
      for (let c = 0; c < 3; c += 1) {
        pixels.data[4 * x + c] = (1 - over) * 64 + over * scale.colours[3 * x + c];
      }
      pixels.data[4 * x + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
    let last = -1;
    const apart = scale.ticks.filter(([share]) => (share - last > 0.09 ? ((last = share), true) : false));
    for (const [share, text] of [...apart, [threshold.share, "▲"]]) {
      const tick = document.createElement("span");
      tick.textContent = text;
      tick.style.left = `${100 * share}%`;
      tick.className = text === "▲" ? "threshold" : "";
      byId("legend-ticks").append(tick);
    }
  }
}

startTheme();
startLinks();
const source = byId("viewer-data");
if (source) {
  const data = JSON.parse(source.textContent);
  data.scale.colours = Uint8Array.from(atob(data.scale.colours), (c) => c.charCodeAt(0));
  new Viewer(data);
}
