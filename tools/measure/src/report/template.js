"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(document.getElementById("data").textContent);
  const { results, curves, axes, samples } = data;
  const byName = new Map(results.codecs.map((codec) => [codec.name, codec]));
  const labels = new Map(curves.map((curve) => [curve.name, curve.label]));
  const byId = (id) => document.getElementById(id);

  // Elements. Text only ever goes in as text, never as markup.
  function fillIn(node, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  const el = (tag, attributes = {}, ...children) => fillIn(document.createElement(tag), attributes, children);
  const svg = (tag, attributes = {}, ...children) => fillIn(document.createElementNS(SVG, tag), attributes, children);
  function choices(select, entries, chosen) {
    select.replaceChildren(...entries.map(([value, text]) => {
      const option = el("option", { value }, text);
      option.selected = String(value) === String(chosen);
      return option;
    }));
  }

  // Numbers.
  const known = (value) => typeof value === "number" && Number.isFinite(value);
  const fixed = (value, digits) => (known(value) ? value.toFixed(digits) : "");
  const signed = (value, digits) => (value > 0 ? "+" : "") + fixed(value, digits);
  const short = (value) => String(Number(value.toPrecision(6)));
  const whole = (value) => (known(value) ? value.toLocaleString("en") : "");
  const milliseconds = (seconds) => (known(seconds) ? 1000 * seconds : undefined);
  const setting = (codec, q) => (known(q) ? `${codec.setting || "setting"} ${short(q)}` : "");

  // The measures that rows and points may have: key, title, digits.
  const MEASURES = [
    ["psnr", "PSNR dB", 2], ["psnr_of_mean_mse", "PSNR of mean MSE dB", 2], ["psnr_y", "PSNR Y dB", 2],
    ["psnr_yuv", "PSNR YUV dB", 2], ["msssim", "MS-SSIM", 4], ["ssimulacra2", "SSIMULACRA2", 2],
    ["butteraugli", "Butteraugli", 3], ["butteraugli_3norm", "Butteraugli 3-norm", 3],
  ];
  const present = (rows) => MEASURES.filter(([key]) => rows.some((row) => known(row[key])));

  // A table whose columns sort. Column: { title, value (to sort by), text (to show), number }.
  function table(caption, columns, rows, foot) {
    const head = el("tr");
    const body = el("tbody");
    let by, direction = 1;
    const show = () => {
      const sorted = by ? [...rows].sort((a, b) => direction * order(by.value(a), by.value(b))) : rows;
      body.replaceChildren(...sorted.map((row) => el("tr", {}, ...columns.map((column) => cell(column, row)))));
    };
    columns.forEach((column) => {
      const button = el("button", { type: "button" }, column.title);
      const th = el("th", { scope: "col", class: column.number ? "number" : "", "aria-sort": "none" }, button);
      button.addEventListener("click", () => {
        direction = by === column ? -direction : 1;
        by = column;
        for (const other of head.children) other.setAttribute("aria-sort", "none");
        th.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
        show();
      });
      head.append(th);
    });
    show();
    const parts = [el("caption", {}, caption), el("thead", {}, head), body];
    if (foot) parts.push(el("tfoot", {}, el("tr", {}, ...columns.map((column) => cell(column, foot)))));
    return el("table", {}, ...parts);
  }
  function cell(column, row) {
    const content = (column.text || ((r) => String(column.value(r) ?? "")))(row);
    return el("td", { class: column.number ? "number" : "text" }, content);
  }
  function order(a, b) {
    if (known(a) && known(b)) return a - b;
    if (known(a) !== known(b)) return known(a) ? -1 : 1;
    return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
  }
  const column = (title, key, digits) => ({
    title, number: true, value: (row) => row[key], text: (row) => fixed(row[key], digits),
  });

  // Colours of the curves, for light and for dark ground.
  const colours = (which) => curves.map((curve, i) => `--c${i}:${curve.style[which]};`).join("");
  document.head.append(el("style", {},
    `:root{${colours("light")}}\n@media (prefers-color-scheme: dark){:root{${colours("dark")}}}`));
  const colour = (index) => `var(--c${index})`;
  const isKiln = (curve) => byName.get(curve.name).origin === "kiln";
  const outline = (corners, x, y, radius) =>
    "M" + corners.map(([dx, dy]) => `${(x + dx * radius).toFixed(2)},${(y + dy * radius).toFixed(2)}`).join("L") + "Z";
  const dashes = (curve, width) => curve.style.dash.map((length) => length * width).join(" ");

  function facts() {
    const { machine, pictures } = results;
    const system = [machine.cpu, machine.os, machine.arch].filter(Boolean).join(", ");
    const threads = machine.threads ? `${machine.threads} ${machine.threads === 1 ? "thread" : "threads"}` : "";
    const count = `${pictures.length} ${pictures.length === 1 ? "picture" : "pictures"}`;
    byId("facts").textContent = [count, system, threads, machine.device && `networks on ${machine.device}`]
      .filter(Boolean).join(" · ");
  }

  // Rate-distortion curves.
  function rateDistortion() {
    const rates = curves.flatMap((curve) => curve.values.flat().map(([i]) => byName.get(curve.name).points[i].bpp));
    if (!axes.length || !rates.length) return;
    byId("curves").hidden = false;
    const chart = byId("chart");
    const visible = curves.map((curve) => curve.selected);
    const most = Math.max(...rates);
    const limits = [0.25, 0.5, 1, 1.5, 2, 3, 5].filter((limit) => limit < most && rates.some((rate) => rate <= limit));
    choices(byId("axis"), axes.map((axis, i) => [i, axis.title]), 0);
    choices(byId("limit"), [...limits.map((l) => [l, `${l} bpp`]), ["all", "all"]], limits.includes(1.5) ? 1.5 : "all");
    const tip = el("div", { id: "tip", role: "status", "aria-live": "polite" });
    tip.hidden = true;
    let spots = [], current = null, ring = null;

    legend();
    for (const id of ["axis", "limit", "log"]) byId(id).addEventListener("change", redraw);
    // In the next frame: drawing within the notification may change the size that it tells of.
    new ResizeObserver(() => requestAnimationFrame(() => draw())).observe(chart);
    pointTable();

    function redraw() { draw(); pointTable(); }

    function legend() {
      curves.forEach((curve, i) => {
        const box = el("input", { type: "checkbox" });
        box.checked = visible[i];
        box.addEventListener("change", () => { visible[i] = box.checked; redraw(); });
        const width = isKiln(curve) ? 3 : 2;
        const sample = svg("svg", { width: 40, height: 16, "aria-hidden": "true" },
          svg("line", { x1: 1, x2: 39, y1: 8, y2: 8, stroke: colour(i), "stroke-width": width, "stroke-dasharray": dashes(curve, width) }),
          svg("path", { d: outline(curve.corners, 20, 8, 5), fill: colour(i) }));
        byId("legend").append(el("label", {}, box, sample, curve.label));
      });
    }

    // The measured points of a curve, and where its line leaves the range.
    function line(curve, axis, low, high) {
      const codec = byName.get(curve.name);
      const points = curve.values[axis].map(([i, value]) => ({ bpp: codec.points[i].bpp, value, point: codec.points[i] }));
      const path = [];
      points.forEach((b, i) => {
        const a = points[i - 1];
        for (const border of [low, high]) {
          if (a && a.bpp < border && border < b.bpp) {
            path.push({ bpp: border, value: a.value + (b.value - a.value) * (border - a.bpp) / (b.bpp - a.bpp) });
          }
        }
        if (b.bpp >= low && b.bpp <= high) path.push(b);
      });
      return { path, points: points.filter((p) => p.bpp >= low && p.bpp <= high) };
    }

    function draw() {
      const axis = Number(byId("axis").value);
      const log = byId("log").checked;
      const limit = byId("limit").value;
      const shown = curves.map((curve, index) => ({ curve, index })).filter(({ index }) => visible[index]);
      const high = limit === "all" ? most * 1.03 : Number(limit);
      const all = shown.flatMap(({ curve }) => curve.values[axis].map(([i]) => byName.get(curve.name).points[i].bpp));
      const low = log ? Math.min(high / 2, ...all) * 0.9 : 0;
      const lines = shown.map((entry) => ({ ...entry, ...line(entry.curve, axis, low, high) }));
      const values = lines.flatMap(({ path }) => path.map((p) => p.value));
      const width = Math.max(280, chart.clientWidth);
      const height = Math.round(Math.min(540, Math.max(300, width * 0.62)));
      const box = { left: 62, right: width - 12, top: 12, bottom: height - 48 };
      const ys = values.length ? ticks(Math.min(...values), Math.max(...values), 9) : [0, 1];
      const xs = log ? logTicks(low, high, width > 480) : ticks(low, high, width > 480 ? 8 : 5).filter((x) => x <= high * 1.0001);
      const across = log ? (x) => Math.log(x / low) / Math.log(high / low) : (x) => (x - low) / (high - low);
      const X = (x) => box.left + (box.right - box.left) * across(x);
      const [bottom, top] = [ys[0], ys[ys.length - 1]];
      const Y = (y) => box.bottom - (box.bottom - box.top) * (y - bottom) / (top - bottom);

      const title = `${axes[axis].title} over rate in bits per pixel, ${shown.length} curves`;
      const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, tabindex: 0, role: "img", "aria-label": title });
      for (const x of xs) {
        root.append(svg("line", { class: "grid", x1: X(x), x2: X(x), y1: box.top, y2: box.bottom }),
          svg("text", { x: X(x), y: box.bottom + 18, "text-anchor": "middle" }, short(x)));
      }
      for (const y of ys) {
        root.append(svg("line", { class: "grid", x1: box.left, x2: box.right, y1: Y(y), y2: Y(y) }),
          svg("text", { x: box.left - 7, y: Y(y) + 4, "text-anchor": "end" }, short(y)));
      }
      const middle = (box.top + box.bottom) / 2;
      root.append(
        svg("rect", { class: "frame", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top }),
        svg("text", { x: (box.left + box.right) / 2, y: height - 8, "text-anchor": "middle" }, "Rate (bits per pixel)"),
        svg("text", { x: 15, y: middle, "text-anchor": "middle", transform: `rotate(-90 15 ${middle})` }, axes[axis].title));
      spots = [];
      // kiln is first in the list, and is drawn last.
      for (const { curve, index, path, points } of [...lines].reverse()) {
        const stroke = isKiln(curve) ? 3 : 2;
        root.append(svg("polyline", {
          points: path.map((p) => `${X(p.bpp).toFixed(2)},${Y(p.value).toFixed(2)}`).join(" "),
          fill: "none", stroke: colour(index), "stroke-width": stroke, "stroke-dasharray": dashes(curve, stroke), "stroke-linejoin": "round",
        }));
        for (const { bpp, value, point } of points) {
          const spot = { curve, index, point, value, x: X(bpp), y: Y(value) };
          root.append(svg("path", { class: "mark", d: outline(curve.corners, spot.x, spot.y, isKiln(curve) ? 6 : 5), fill: colour(index) }));
          spots.push(spot);
        }
      }
      ring = svg("circle", { class: "ring", r: 9, visibility: "hidden" });
      root.append(ring);
      const point = (event) => {
        const frame = root.getBoundingClientRect();
        const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
        const near = nearest(spots, x, y);
        select(near && Math.hypot(near.x - x, near.y - y) < 40 ? near : null);
      };
      root.addEventListener("pointermove", point);
      root.addEventListener("pointerdown", point);
      // A finger leaves whenever it is lifted; what it chose stays.
      root.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") select(null); });
      root.addEventListener("blur", () => select(null));
      root.addEventListener("keydown", step);
      chart.replaceChildren(root, tip);
      select(null);
    }

    function nearest(among, x, y) {
      let best = null, least = Infinity;
      for (const spot of among) {
        const distance = Math.hypot(spot.x - x, spot.y - y);
        if (distance < least) [best, least] = [spot, distance];
      }
      return best;
    }

    // Left and right go along a curve, up and down to another one.
    function step(event) {
      const same = spots.filter((spot) => current && spot.index === current.index);
      let next;
      if (event.key === "Escape") next = null;
      else if (!current && event.key.startsWith("Arrow")) next = spots[spots.length - 1];
      else if (event.key === "ArrowLeft") next = same[same.indexOf(current) - 1] ?? current;
      else if (event.key === "ArrowRight") next = same[same.indexOf(current) + 1] ?? current;
      else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        const shown = [...new Set(spots.map((spot) => spot.index))].sort((a, b) => a - b);
        const at = shown.indexOf(current.index) + (event.key === "ArrowUp" ? -1 : 1);
        const index = shown[(at + shown.length) % shown.length];
        next = nearest(spots.filter((spot) => spot.index === index), current.x, current.y);
      } else return;
      event.preventDefault();
      select(next ?? null);
    }

    function select(spot) {
      current = spot;
      tip.hidden = !spot;
      ring.setAttribute("visibility", spot ? "visible" : "hidden");
      if (!spot) return;
      ring.setAttribute("cx", spot.x);
      ring.setAttribute("cy", spot.y);
      const { point, curve } = spot;
      const entries = [["Rate", `${fixed(point.bpp, 4)} bpp`]];
      for (const [key, title, digits] of MEASURES) if (known(point[key])) entries.push([title, fixed(point[key], digits)]);
      if (known(point.enc_s)) entries.push(["Encode", `${fixed(1000 * point.enc_s, 1)} ms`]);
      if (known(point.dec_s)) entries.push(["Decode", `${fixed(1000 * point.dec_s, 1)} ms`]);
      const heading = [curve.label, setting(byName.get(curve.name), point.q)].filter(Boolean).join(", ");
      tip.replaceChildren(el("strong", {}, heading),
        el("dl", {}, ...entries.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])));
      const [w, h] = [tip.offsetWidth, tip.offsetHeight];
      const left = spot.x + 16 + w > chart.clientWidth ? spot.x - w - 16 : spot.x + 16;
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${Math.min(Math.max(0, spot.y - h / 2), Math.max(0, chart.clientHeight - h))}px`;
    }

    function pointTable() {
      const rows = curves.filter((_, i) => visible[i]).flatMap((curve) => {
        const codec = byName.get(curve.name);
        return codec.points.map((point) => ({
          ...point, label: curve.label, setting: setting(codec, point.q), enc: milliseconds(point.enc_s), dec: milliseconds(point.dec_s),
        }));
      });
      byId("points").replaceChildren(table("Means over all pictures", [
        { title: "Codec", value: (row) => row.label }, { title: "Setting", value: (row) => row.setting },
        column("bpp", "bpp", 4), ...present(rows).map(([key, title, digits]) => column(title, key, digits)),
        column("Encode ms", "enc", 1), column("Decode ms", "dec", 1),
      ], rows));
    }
  }

  // Ticks at steps of 1, 2 or 5, the first and the last around the values.
  function ticks(low, high, count) {
    const span = high > low ? high - low : Math.max(1e-3, Math.abs(high) / 10);
    const rough = span / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.75);
    const first = Math.floor(low / step + 1e-9);
    let last = Math.ceil(high / step - 1e-9);
    if (last === first) last += 1;
    return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }
  function logTicks(low, high, many) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const factor of many ? [1, 2, 3, 5, 7] : [1, 2, 5]) {
        const x = Number((factor * 10 ** power).toPrecision(3));
        if (x >= low && x <= high) found.push(x);
      }
    }
    return found;
  }

  // Bjøntegaard deltas.
  function deltas() {
    const all = results.comparisons;
    if (!all.length) return;
    byId("deltas").hidden = false;
    const title = (key) => axes.find((axis) => axis.key === key)?.title ?? key;
    const metrics = [...new Set(all.map((comparison) => comparison.metric))];
    choices(byId("metric"), metrics.map((metric) => [metric, title(metric)]), metrics[0]);
    const value = (outcome) => outcome.value;
    const text = (digits, unit) => (outcome) => (known(outcome.value) ? `${signed(outcome.value, digits)}${unit}` : "none");
    const range = (outcome, digits) => (known(outcome.value) ? `${fixed(outcome.low, digits)} to ${fixed(outcome.high, digits)}` : outcome.reason);
    const show = () => {
      const metric = byId("metric").value;
      const rows = all.filter((comparison) => comparison.metric === metric);
      const name = (key) => labels.get(key) ?? key;
      byId("delta-table").replaceChildren(table(title(metric), [
        { title: "Codec", value: (row) => name(row.codec) }, { title: "Against", value: (row) => name(row.anchor) },
        { title: "BD-rate", number: true, value: (row) => value(row.rate), text: (row) => text(1, " %")(row.rate) },
        { title: "over quality", value: (row) => row.rate.low, text: (row) => range(row.rate, 2) },
        { title: "BD-quality", number: true, value: (row) => value(row.quality), text: (row) => text(2, "")(row.quality) },
        { title: "over bpp", value: (row) => row.quality.low, text: (row) => range(row.quality, 3) },
      ], rows));
    };
    byId("metric").addEventListener("change", show);
    show();
  }

  // Crops with a border to move.
  function crops() {
    byId("crops-note").textContent = "The middle of each picture. Rate and PSNR are those of the whole picture."
      + (data.left_out ? ` ${data.left_out} more pictures were left out to keep this file small.` : "");
    if (!samples.length) return;
    byId("crops").hidden = false;
    const select = { picture: byId("picture"), left: byId("left"), right: byId("right") };
    choices(select.picture, samples.map((sample, i) => [i, sample.picture]), 0);
    const names = () => samples[select.picture.value].images.map((image, i) => [i, image.name]);
    const refill = () => {
      const count = names().length;
      const keep = (node, otherwise) => choices(node, names(), node.value !== "" && node.value < count ? node.value : otherwise);
      keep(select.left, Math.min(1, count - 1));
      keep(select.right, count - 1);
      show();
    };
    const describe = (image) => image.coded
      ? `${image.name}: ${whole(image.coded.bytes)} bytes, ${fixed(image.coded.bpp, 3)} bpp, ${fixed(image.coded.psnr, 2)} dB`
      : image.name;
    const show = () => {
      const sample = samples[select.picture.value];
      for (const side of ["left", "right"]) {
        const image = sample.images[select[side].value];
        byId(`${side}-image`).src = image.url;
        byId(`${side}-image`).alt = `${sample.picture}, ${describe(image)}`;
        byId(`${side}-caption`).textContent = `${side === "left" ? "Left" : "Right"}: ${describe(image)}`;
      }
      const scale = byId("zoom").checked ? 2 : 1;
      const frame = byId("compare");
      frame.style.width = `${sample.crop.width * scale}px`;
      frame.style.aspectRatio = `${sample.crop.width} / ${sample.crop.height}`;
      move();
    };
    const move = () => {
      const at = byId("position").value;
      // The upper picture is the right one, cut off left of the border.
      byId("right-image").style.clipPath = `inset(0 0 0 ${at}%)`;
      byId("divider").style.left = `${at}%`;
    };
    byId("zoom").checked = document.documentElement.clientWidth > 820;
    select.picture.addEventListener("change", refill);
    for (const node of [select.left, select.right, byId("zoom")]) node.addEventListener("change", show);
    byId("position").addEventListener("input", move);
    refill();
  }

  // One row for each picture.
  function pictures() {
    const codecs = curves.map((curve) => byName.get(curve.name)).filter((codec) => (codec.rows ?? []).length);
    if (!codecs.length) return;
    byId("pictures").hidden = false;
    const size = new Map(results.pictures.map((picture) => [picture.name, `${picture.width}x${picture.height}`]));
    choices(byId("codec"), codecs.map((codec, i) => [i, labels.get(codec.name)]), 0);
    const chosen = () => codecs[byId("codec").value];
    const refill = () => {
      const codec = chosen();
      const settings = [...new Set(codec.rows.map((row) => row.q))].sort((a, b) => a - b);
      const name = codec.setting || "setting";
      byId("setting-name").textContent = name[0].toUpperCase() + name.slice(1);
      choices(byId("setting"), settings.map((q) => [q, short(q)]), settings[Math.floor((settings.length - 1) / 2)]);
      show();
    };
    const show = () => {
      const codec = chosen();
      const q = Number(byId("setting").value);
      const rows = codec.rows.filter((row) => row.q === q)
        .map((row) => ({ ...row, enc: milliseconds(row.enc_s), dec: milliseconds(row.dec_s) }));
      const measures = present(rows);
      const mean = { image: "Mean", bytes: undefined };
      for (const key of ["bpp", "enc", "dec", ...measures.map(([key]) => key)]) {
        const values = rows.map((row) => row[key]);
        if (values.every(known)) mean[key] = values.reduce((sum, value) => sum + value, 0) / values.length;
      }
      byId("picture-table").replaceChildren(table(`${labels.get(codec.name)}, ${setting(codec, q)}`, [
        { title: "Picture", value: (row) => row.image }, { title: "Size", value: (row) => size.get(row.image) ?? "" },
        { title: "Bytes", number: true, value: (row) => row.bytes, text: (row) => whole(row.bytes) },
        column("bpp", "bpp", 4), ...measures.map(([key, title, digits]) => column(title, key, digits)),
        column("Encode ms", "enc", 1), column("Decode ms", "dec", 1),
      ], rows, rows.length > 1 ? mean : undefined));
    };
    byId("codec").addEventListener("change", refill);
    byId("setting").addEventListener("change", show);
    refill();
  }

  // Where the time goes.
  function times() {
    const parts = (point, side) => point[`${side}_stages`] ?? {};
    const staged = (codec) => codec.points.some((p) => [parts(p, "encode"), parts(p, "decode")].some((s) => Object.keys(s).length));
    const codecs = curves.map((curve) => byName.get(curve.name)).filter(staged);
    if (!codecs.length) return;
    byId("times").hidden = false;
    choices(byId("times-codec"), codecs.map((codec, i) => [i, labels.get(codec.name)]), 0);
    const show = () => {
      const codec = codecs[byId("times-codec").value];
      const rows = codec.points;
      const names = (side) => [...new Set(rows.flatMap((row) => Object.keys(parts(row, side))))];
      const order = ["parse", "analyse", "code", "synthesise", "pack"];
      const rank = (name) => (order.includes(name) ? order.indexOf(name) : order.length);
      const stages = [...new Set([...names("encode"), ...names("decode")])].sort((a, b) => rank(a) - rank(b));
      const tint = (name) => `background:var(--s${stages.indexOf(name) % 6})`;
      const longest = Math.max(...rows.flatMap((row) => [row.enc_s ?? 0, row.dec_s ?? 0]));
      const bar = (side) => (row) => el("div", { class: "bar", "aria-hidden": "true" }, ...stages
        .filter((name) => parts(row, side)[name])
        .map((name) => el("span", { style: `${tint(name)};width:${100 * parts(row, side)[name] / longest}%`, title: name })));
      const stage = (side, name) => ({
        title: `${side}: ${name}`, number: true, value: (row) => parts(row, side)[name],
        text: (row) => fixed(milliseconds(parts(row, side)[name]), 1),
      });
      const total = (title, key) => ({ title, number: true, value: (row) => row[key], text: (row) => fixed(milliseconds(row[key]), 1) });
      byId("stages").replaceChildren(...stages.flatMap((name) => [el("span", { class: "swatch", style: tint(name) }), name]));
      byId("time-table").replaceChildren(table(`${labels.get(codec.name)}: milliseconds a picture`, [
        { title: codec.setting || "Setting", number: true, value: (row) => row.q, text: (row) => (known(row.q) ? short(row.q) : "") },
        column("bpp", "bpp", 3),
        { title: "Encode", value: (row) => row.enc_s, text: bar("encode") }, total("Encode ms", "enc_s"),
        { title: "Decode", value: (row) => row.dec_s, text: bar("decode") }, total("Decode ms", "dec_s"),
        ...names("encode").map((name) => stage("encode", name)), ...names("decode").map((name) => stage("decode", name)),
      ], rows));
    };
    byId("times-codec").addEventListener("change", show);
    show();
  }

  function method() {
    const origins = { kiln: "this program", live: "measured in the same run", file: "from a file" };
    const rows = curves.map((curve) => ({ ...byName.get(curve.name), label: curve.label }));
    const cost = (codec) => codec.cost
      && `${fixed(codec.cost.encode_kmac_per_pixel, 1)} kMAC/pixel to encode, ${fixed(codec.cost.decode_kmac_per_pixel, 1)} to decode`;
    const columns = [
      { title: "Codec", value: (row) => row.label }, { title: "Name in the results", value: (row) => row.name },
      { title: "Version", value: (row) => [row.version, row.decoder_set && `decoder set ${row.decoder_set}`, cost(row)].filter(Boolean).join(", ") },
      { title: "Command", value: (row) => row.command ?? "" }, { title: "Origin", value: (row) => origins[row.origin] ?? row.origin },
    ];
    if (rows.length) byId("codecs").append(table("Codecs", columns, rows));
    const memory = rows.flatMap((row) => (row.memory ?? []).map((entry) => ({ ...entry, label: row.label })));
    if (memory.length) {
      const megabytes = (key) => ({ title: `${key === "encode_bytes" ? "Encode" : "Decode"} MB`, number: true, value: (row) => row[key], text: (row) => fixed(row[key] / 1e6, 1) });
      byId("memory").append(table("Peak memory of a process that does only this", [
        { title: "Codec", value: (row) => row.label }, { title: "Picture", value: (row) => row.image },
        column("Setting", "q", 0), megabytes("encode_bytes"), megabytes("decode_bytes"),
      ], memory));
    }
    if (results.skipped.length) {
      const list = el("ul", {}, ...results.skipped.map((entry) => el("li", {}, `${entry.codec}: ${entry.reason}`)));
      byId("skipped").append(el("details", {}, el("summary", {}, `Left out (${results.skipped.length})`), list));
    }
  }

  facts();
  rateDistortion();
  deltas();
  crops();
  pictures();
  times();
  method();
})();
