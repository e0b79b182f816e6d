"use strict";
// The dispatch explorer: one week of hours, stacked, with load, price and stored energy.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NS = "http" + "://www.w3.org/2000/svg"; // the name of SVG, not an address to open
  const plot = document.getElementById("plot");
  const from = document.getElementById("from");
  const pick = document.getElementById("week");
  const when = document.getElementById("when");
  const read = document.getElementById("read");
  const span = Math.min(168, data.hours);
  let at = 0, cursor = null, geometry = null;

  const color = (name) => "var(--" +
    (["gas", "solar", "wind", "battery", "grid"].includes(name) ? name : "other") + ")";
  const shade = (list, i) => { // a second technology of one kind is paler
    const before = list.slice(0, i).filter((s) => s.color === list[i].color).length;
    return Math.max(1 - 0.3 * before, 0.3);
  };
  const number = (v, d) => v.toLocaleString("en-US",
    { minimumFractionDigits: d, maximumFractionDigits: d });
  const begin = Date.parse(data.begin + "Z");
  const time = (h) => data.times ? new Date(data.times[h] + ":00Z") : new Date(begin + h * 36e5);
  const day = (h) => time(h).toLocaleDateString("en-GB",
    { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  const clock = (h) => time(h).toISOString().slice(11, 16);

  function make(name, attributes, parent, text) {
    const e = document.createElementNS(NS, name);
    for (const key in attributes) e.setAttribute(key, attributes[key]);
    if (text !== undefined) e.textContent = text;
    if (parent) parent.appendChild(e);
    return e;
  }
  function step(range) {
    const raw = range / 4, size = Math.pow(10, Math.floor(Math.log10(raw)));
    return [1, 2, 5, 10].find((m) => m * size >= raw) * size;
  }
  function panel(svg, top, tall, low, high, unit, g) {
    if (high - low < 1e-9) high = low + 1;
    const s = step(high - low);
    high = Math.ceil(high / s - 1e-9) * s; // upwards to a whole step, downwards as far as drawn
    const y = (v) => top + tall * (high - v) / (high - low);
    for (let v = Math.ceil(low / s - 1e-9) * s; v <= high + s / 2; v += s) {
      make("line", { class: "grid", x1: g.left, x2: g.left + g.wide, y1: y(v), y2: y(v) }, svg);
      make("text", { class: "end", x: g.left - 5, y: y(v) + 4 }, svg, number(Math.abs(v) < s / 2 ? 0 : v, s < 1 ? 1 : 0));
    }
    make("text", { class: "label", x: g.left, y: top - 8 }, svg, unit);
    return y;
  }
  function areas(svg, list, y, g, sign) {
    const base = new Array(span).fill(0);
    list.forEach((s, i) => {
      let up = "", down = "";
      for (let h = 0; h < span; h++) {
        const a = y(base[h]);
        base[h] += sign * Math.max(s.values[at + h], 0);
        const b = y(base[h]), x0 = g.x(h).toFixed(1), x1 = g.x(h + 1).toFixed(1);
        up += " " + x0 + "," + b.toFixed(1) + " " + x1 + "," + b.toFixed(1);
        down = " " + x1 + "," + a.toFixed(1) + " " + x0 + "," + a.toFixed(1) + down;
      }
      make("polygon", { points: up + down, style: "fill:" + color(s.color),
        "fill-opacity": sign > 0 ? shade(list, i) : 0.5 }, svg);
    });
  }
  function line(svg, values, y, g, style) {
    let points = "";
    for (let h = 0; h < span; h++) {
      const v = y(values[at + h]).toFixed(1);
      points += " " + g.x(h).toFixed(1) + "," + v + " " + g.x(h + 1).toFixed(1) + "," + v;
    }
    make("polyline", { points: points, style: "fill:none;stroke-width:1.6;" + style }, svg);
  }
  function extent(list) {
    let most = 0;
    for (let h = 0; h < span; h++) {
      most = Math.max(most, list.reduce((a, s) => a + Math.max(s.values[at + h], 0), 0));
    }
    return most;
  }
  function draw(wide) {
    const width = wide > 0 ? wide : Math.max(plot.clientWidth, 280), left = 48;
    const tall = width < 500 ? 200 : 260, small = 70, gap = 40, top = 26;
    const stored = data.stored.length > 0;
    const height = top + tall + gap + small + (stored ? gap + small : 0) + 26;
    const g = { left: left, wide: width - left - 4,
      x: (h) => left + (width - left - 4) * h / span };
    const svg = make("svg", { viewBox: "0 0 " + width + " " + height, width: width, height: height,
      "aria-hidden": "true" });
    const week = data.load.slice(at, at + span);
    const most = Math.max(extent(data.stack), ...week), drawn = extent(data.below);
    const y = panel(svg, top, tall, drawn < 0.02 * most ? 0 : -drawn, most, "MW", g);
    areas(svg, data.stack, y, g, 1);
    areas(svg, data.below, y, g, -1);
    line(svg, data.load, y, g, "stroke:var(--load)");
    let lower = top + tall + gap;
    const prices = data.price.slice(at, at + span);
    line(svg, data.price, panel(svg, lower, small, Math.min(0, ...prices),
      Math.max(...prices), "Power price, $/MWh", g), g, "stroke:var(--price)");
    if (stored) {
      lower += small + gap;
      const list = data.stored;
      const yes = panel(svg, lower, small, 0,
        Math.max(...list.map((s) => Math.max(...s.values))), "Stored, MWh", g);
      list.forEach((s) => line(svg, s.values, yes, g, "stroke:" + color(s.color)));
    }
    for (let h = 0; h < span; h += 24) {
      make("line", { class: "grid", x1: g.x(h), x2: g.x(h), y1: top, y2: lower + small }, svg);
      const label = width < 500 ? String(time(at + h).getUTCDate()) : day(at + h);
      make("text", { x: g.x(h) + 2, y: height - 6 }, svg, label);
    }
    geometry = { g: g, top: top, bottom: lower + small,
      mark: make("line", { style: "stroke:var(--ink);stroke-dasharray:3 3", visibility: "hidden" }, svg) };
    plot.replaceChildren(svg);
    when.textContent = day(at) + " to " + day(at + span - 1);
    from.setAttribute("aria-valuetext", when.textContent);
    if (cursor !== null) point(cursor);
  }
  function point(h) {
    cursor = Math.min(Math.max(h, 0), span - 1);
    const x = geometry.g.x(cursor + 0.5), i = at + cursor;
    for (const [key, v] of [["x1", x], ["x2", x], ["y1", geometry.top], ["y2", geometry.bottom],
      ["visibility", "visible"]]) geometry.mark.setAttribute(key, v);
    const told = ["load " + number(data.load[i], 1) + " MW"];
    for (const s of data.stack.concat(data.below)) {
      if (Math.abs(s.values[i]) >= 0.05) told.push(s.name + " " + number(s.values[i], 1) + " MW");
    }
    for (const s of data.stored) told.push(s.name + " holds " + number(s.values[i], 1) + " MWh");
    told.push("power $" + number(data.price[i], 2) + "/MWh");
    read.textContent = day(i) + " " + clock(i) + ": " + told.join(", ");
  }
  function key() {
    const place = document.getElementById("key");
    const add = (name, style) => {
      const e = document.createElement("span"), i = document.createElement("i");
      i.style.cssText = style; e.append(i, name); place.append(e);
    };
    data.stack.forEach((s, i) =>
      add(s.name, "background:" + color(s.color) + ";opacity:" + shade(data.stack, i)));
    data.below.forEach((s) => add(s.name + " (below 0)", "background:" + color(s.color) + ";opacity:.5"));
    add("load", "background:var(--load);height:.15rem;vertical-align:middle");
    add("power price", "background:var(--price);height:.15rem;vertical-align:middle");
  }

  // One picture a flow: days to the right, hours of the day downwards.
  function element(name, kind, text) {
    const e = document.createElement(name);
    if (kind) e.className = kind;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function dates(first, days) { // months of a year; else the first and the last day
    if (data.times || days < 300) return [day(0), day(data.hours - 1)];
    return ["Jan", "Mar", "May", "Jul", "Sep", "Nov", "Dec"];
  }
  function heat() {
    const place = document.getElementById("heat");
    const look = getComputedStyle(document.documentElement);
    const first = time(0).getUTCHours(), days = Math.ceil((data.hours + first) / 24);
    const unit = (s) => (data.stored.includes(s) ? "MWh" : "MW");
    const made = data.stack.concat(data.below, data.stored).map((s) => {
      const most = s.values.reduce((a, v) => Math.max(a, v), 0);
      const name = s.name + (unit(s) === "MWh" ? ", stored" : "");
      const full = look.getPropertyValue(color(s.color).slice(4, -1)).trim();
      const figure = element("figure"), map = element("div", "map"), scale = element("span", "scale");
      const canvas = element("canvas"), shown = element("i");
      shown.style.background = "linear-gradient(to right, transparent, " + full + ")";
      scale.append("0", shown, number(most, most < 10 ? 1 : 0) + " " + unit(s));
      const caption = element("figcaption");
      caption.append(element("span", "", name), scale);
      canvas.width = days; canvas.height = 24;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name + " in each hour of each day");
      const pen = canvas.getContext("2d");
      pen.fillStyle = full;
      s.values.forEach((v, h) => {
        pen.globalAlpha = most > 0 ? Math.max(v, 0) / most : 0;
        pen.fillRect(Math.floor((h + first) / 24), (h + first) % 24, 1, 1);
      });
      const clocks = element("div", "clock"), below = element("div", "days");
      for (const c of ["00", "12", "23"]) clocks.append(element("span", "", c));
      for (const d of dates(first, days)) below.append(element("span", "", d));
      map.append(clocks, canvas, below);
      figure.append(caption, map);
      return figure;
    });
    place.replaceChildren(...made);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", heat);

  for (const week of data.weeks) pick.append(new Option(week.name, week.start));
  pick.append(new Option("any week", ""));
  from.max = Math.max(data.hours - span, 0);
  from.step = data.times ? span : 24; // a draft has weeks, not a year
  from.disabled = data.hours <= span;
  function go(start) {
    at = Math.min(Math.max(start, 0), data.hours - span);
    from.value = at; draw();
  }
  pick.addEventListener("change", () => { if (pick.value !== "") go(Number(pick.value)); });
  from.addEventListener("input", () => { pick.value = ""; go(Number(from.value)); });
  plot.addEventListener("pointermove", (e) => {
    const g = geometry.g, x = e.clientX - plot.getBoundingClientRect().left;
    point(Math.floor((x - g.left) / g.wide * span));
  });
  plot.addEventListener("keydown", (e) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    point((cursor === null ? -by : cursor) + by);
  });
  let paper = false; // whose width is not the window's
  addEventListener("resize", () => { if (!paper) draw(); });
  addEventListener("beforeprint", () => {
    paper = true;
    draw(1080); // small print
    document.querySelectorAll("details").forEach((d) => { d.open ||= d.closest("#exhibit-32") === null; });
  });
  addEventListener("afterprint", () => { paper = false; draw(); });
  document.getElementById("contents").open = innerWidth > 640;
  key();
  heat();
  go(data.weeks.length ? data.weeks[0].start : 0);
})();
