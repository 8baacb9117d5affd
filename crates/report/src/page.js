"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const figures = new Map(data.points);

  // ---- Small things: elements, numbers, the tip under the pointer.
  const make = (space) => (name, attributes = {}, parent = null, text = null) => {
    const node = document.createElementNS(space, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== null) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const svg = make("http://www.w3.org/2000/svg");
  const html = make("http://www.w3.org/1999/xhtml");
  const canvas = (parent, width, height, label) =>
    svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parent);
  const number = (value) =>
    value === null ? "–" : Math.abs(value) >= 1000 ? value.toLocaleString("en-US", { maximumFractionDigits: 0 })
      : String(Number(value.toPrecision(3))).replace("-", "−");
  const tip = html("div", { id: "tip", hidden: "" }, document.body);
  const showTip = (text, event) => {
    tip.hidden = false;
    tip.textContent = text;
    const left = Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${event.pageY - tip.offsetHeight - 10}px`;
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest?.("[data-tip]");
    if (target) showTip(target.dataset.tip, event);
    else if (!event.target.closest?.("[data-live]")) tip.hidden = true;
  });
  const choice = (parent, label, options, pick) => {
    const box = html("label", {}, parent, `${label} `);
    const select = html("select", {}, box);
    options.forEach(([value, text]) => html("option", { value }, select, text));
    select.addEventListener("change", () => pick(select.value));
    if (options.length < 2) box.hidden = true;
    return select;
  };
  const table = (parent, summary, head, rows) => {
    const details = html("details", {}, parent);
    html("summary", {}, details, summary);
    const body = html("table", {}, html("div", { class: "scroll" }, details));
    const line = (cells, name, box) => {
      const row = html("tr", {}, box);
      cells.forEach((cell, index) => html(name, { class: index ? "n" : "" }, row, cell));
    };
    line(head, "th", html("thead", {}, body));
    const rest = html("tbody", {}, body);
    rows.forEach((row) => line(row, "td", rest));
  };
  const ticks = (low, high, wanted) => {
    const rough = (high - low) / wanted || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
    const first = Math.ceil(low / step - 1e-9);
    const found = [];
    for (let index = first; index * step <= high + step * 1e-9; index += 1) found.push(Number((index * step).toPrecision(12)));
    return found;
  };

  // ---- Learning curves: four pictures that share their seeds.
  function curves(box, section) {
    const panels = html("div", { class: "panels" }, box);
    const seeds = [...new Set(section.panels.flatMap((panel) => panel.lines.map((line) => line.seed)))];
    let pinned = null;
    const light = (seed) => {
      panels.classList.toggle("dim", seed !== null);
      panels.querySelectorAll(".line").forEach((line) => line.classList.toggle("on", Number(line.dataset.seed) === seed));
    };
    const lastStep = Math.max(1, ...section.panels.flatMap((panel) => panel.lines.map((line) => line.xy.at(-2))));
    // All places first: the grid gives each its width.
    const places = section.panels.map((panel) => [panel, html("div", {}, panels)]);
    for (const [panel, holder] of places) {
      const width = Math.max(260, holder.clientWidth), height = 210, left = 42, right = width - 12, top = 26, bottom = height - 34;
      const values = panel.lines.flatMap((line) => line.xy.filter((_, index) => index % 2));
      const positive = values.filter((value) => value > 0);
      const logarithmic = panel.loss && positive.length > 0 && Math.max(...positive) / Math.min(...positive) > 20;
      const warp = logarithmic ? (value) => Math.log10(Math.max(value, Math.min(...positive))) : (value) => value;
      const floor = panel.loss ? (logarithmic ? warp(Math.min(...positive)) : Math.min(0, ...values)) : 0;
      const ceiling = panel.loss ? Math.max(warp(Math.max(...values)), floor + 1e-9) : 1;
      const x = (step) => left + (right - left) * step / lastStep;
      const y = (value) => bottom - (bottom - top) * (warp(value) - floor) / (ceiling - floor);
      const picture = canvas(holder, width, height, `${panel.name} against step, one line for each of ${panel.lines.length} seeds`);
      svg("text", { class: "name", x: left, y: 14 }, picture, panel.name + (logarithmic ? " (log scale)" : ""));
      const marks = logarithmic
        ? Array.from({ length: 12 }, (_, index) => 10 ** (index - 8)).filter((mark) => Math.log10(mark) >= floor && Math.log10(mark) <= ceiling)
        : ticks(floor, ceiling, 4);
      for (const mark of marks) {
        svg("line", { class: "frame", x1: left, x2: right, y1: y(mark), y2: y(mark) }, picture);
        svg("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, picture, number(mark));
      }
      for (const mark of ticks(0, lastStep, width < 400 ? 3 : 5)) svg("text", { x: x(mark), y: bottom + 16, "text-anchor": "middle" }, picture, number(mark));
      svg("text", { x: right, y: height - 4, "text-anchor": "end" }, picture, "step");
      if (panel.ceiling !== null) {
        svg("line", { class: "u-best", x1: left, x2: right, y1: y(panel.ceiling), y2: y(panel.ceiling), "data-tip": `best look-up table: ${number(panel.ceiling)}` }, picture);
        svg("text", { x: right, y: y(panel.ceiling) - 5, "text-anchor": "end" }, picture, "best look-up table");
      }
      for (const line of panel.lines) {
        let path = "";
        for (let index = 0; index < line.xy.length; index += 2) path += `${index ? "L" : "M"}${x(line.xy[index]).toFixed(1)} ${y(line.xy[index + 1]).toFixed(1)}`;
        svg("path", { class: "line", d: path, "data-seed": line.seed }, picture);
        const hit = svg("path", { class: "hit", d: path, "data-live": "" }, picture);
        hit.addEventListener("pointerenter", () => light(line.seed));
        hit.addEventListener("pointerleave", () => light(pinned));
        hit.addEventListener("pointermove", (event) => {
          const frame = picture.getBoundingClientRect();
          const step = ((event.clientX - frame.left) / frame.width * width - left) / (right - left) * lastStep;
          let near = 0;
          for (let index = 0; index < line.xy.length; index += 2) if (Math.abs(line.xy[index] - step) < Math.abs(line.xy[near] - step)) near = index;
          showTip(`seed ${line.seed}, step ${number(line.xy[near])}: ${number(line.xy[near + 1])}`, event);
        });
      }
    }
    const list = html("div", { class: "seeds", role: "group", "aria-label": "Highlight a seed" }, box);
    html("span", {}, list, "Seed");
    for (const seed of seeds) {
      const button = html("button", { type: "button", "aria-pressed": "false" }, list, String(seed));
      const settle = () => light(pinned);
      button.addEventListener("pointerenter", () => light(seed));
      button.addEventListener("pointerleave", settle);
      button.addEventListener("focus", () => light(seed));
      button.addEventListener("blur", settle);
      button.addEventListener("click", () => {
        pinned = pinned === seed ? null : seed;
        list.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(Number(other.textContent) === pinned)));
        light(pinned);
      });
    }
  }

  // ---- Attention: all heads small, one large.
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  function attention(box, section) {
    const controls = html("div", { class: "controls" }, box);
    const unique = (values) => [...new Set(values)];
    const now = { task: section.patterns[0].task, seed: section.patterns[0].seed, example: section.patterns[0].example, head: null };
    const tasks = unique(section.patterns.map((pattern) => pattern.task));
    choice(controls, "Task", tasks.map((task) => [task, task]), (task) => { now.task = task; refill(); });
    const seed = choice(controls, "Seed", [], (value) => { now.seed = Number(value); refill(); });
    const rows = choice(controls, "Rows", [], (value) => { now.example = Number(value); draw(); });
    const heads = html("div", { class: "heads", role: "group", "aria-label": "Choose a head" }, box);
    const map = html("div", { class: "map" }, box), below = html("div", {}, box);
    const options = (select, wanted, values) => {
      select.replaceChildren();
      values.forEach(([value, text]) => html("option", { value }, select, text));
      select.parentNode.hidden = values.length < 2;
      const kept = values.some(([value]) => value === wanted) ? wanted : values[0][0];
      select.value = kept;
      return kept;
    };
    function refill() {
      const ofTask = section.patterns.filter((pattern) => pattern.task === now.task);
      now.seed = options(seed, now.seed, unique(ofTask.map((pattern) => pattern.seed)).sort((a, b) => a - b).map((value) => [value, value]));
      const ofSeed = ofTask.filter((pattern) => pattern.seed === now.seed);
      now.example = options(rows, now.example, ofSeed.map((pattern) =>
        [pattern.example, pattern.example < 0 ? `mean over ${number(pattern.n)} rows` : `row ${pattern.example}: ${pattern.tokens.join(" ")}`.slice(0, 70)]));
      draw();
    }
    const weight = (packed, query, key) => {
      const at = query * (query + 1) + 2 * key;
      return (digits.indexOf(packed[at]) * 64 + digits.indexOf(packed[at + 1])) / 4095;
    };
    function draw() {
      const pattern = section.patterns.find((one) => one.task === now.task && one.seed === now.seed && one.example === now.example);
      if (!pattern) return;
      if (!pattern.heads.some(([name]) => name === now.head)) now.head = pattern.heads[0][0];
      const colour = getComputedStyle(document.documentElement).getPropertyValue("--model").trim();
      heads.replaceChildren();
      for (const [name, packed] of pattern.heads) {
        const button = html("button", { type: "button", "aria-pressed": String(name === now.head), "aria-label": `layer and head ${name}` }, heads);
        const small = html("canvas", { width: pattern.size, height: pattern.size }, button);
        const brush = small.getContext("2d");
        brush.fillStyle = colour;
        for (let query = 0; query < pattern.size; query += 1) for (let key = 0; key <= query; key += 1) {
          brush.globalAlpha = weight(packed, query, key);
          brush.fillRect(key, query, 1, 1);
        }
        html("span", {}, button, `L${name.replace(".", " H")}`);
        button.addEventListener("click", () => { now.head = name; draw(); heads.querySelector('[aria-pressed="true"]').focus(); });
      }
      large(pattern, pattern.heads.find(([name]) => name === now.head)[1]);
    }
    function large(pattern, packed) {
      map.replaceChildren();
      below.replaceChildren();
      const tokens = Array.from({ length: pattern.size }, (_, index) => pattern.tokens[index] ?? String(index));
      const name = (index) => pattern.tokens.length ? `${tokens[index]} (${index})` : `position ${index}`;
      const longest = Math.min(10, Math.max(...tokens.map((token) => token.length)));
      const margin = 14 + longest * 6.6, width = Math.max(280, map.clientWidth), cell = (width - margin - 4) / pattern.size;
      const every = Math.ceil(11 / cell), height = margin + cell * pattern.size + 4;
      const picture = canvas(map, width, height, `Attention pattern of layer and head ${now.head}, seed ${now.seed}; queries downwards, keys to the right`);
      const rows = [];
      for (let query = 0; query < pattern.size; query += 1) {
        const y = margin + query * cell, x = margin + query * cell + cell / 2;
        if (query % every === 0) {
          svg("text", { class: "token", x: margin - 5, y: y + cell / 2 + 4, "text-anchor": "end" }, picture, tokens[query].slice(0, 10));
          svg("text", { class: "token", x: 0, y: 0, transform: `translate(${x + 4} ${margin - 5}) rotate(-90)` }, picture, tokens[query].slice(0, 10));
        }
        let strongest = 0;
        for (let key = 0; key <= query; key += 1) {
          const value = weight(packed, query, key);
          if (value > weight(packed, query, strongest)) strongest = key;
          svg("rect", { x: margin + key * cell, y, width: cell, height: cell, class: "track" }, picture);
          svg("rect", { x: margin + key * cell, y, width: cell, height: cell, class: "cell", opacity: value.toFixed(3), "data-tip": `${name(query)} attends to ${name(key)}: ${value.toFixed(3)}` }, picture);
        }
        rows.push([name(query), name(strongest), weight(packed, query, strongest).toFixed(3)]);
      }
      html("p", { class: "note" }, below, `Down: the position that attends (query); across: what it attends to (key)${pattern.tokens.length ? "" : ", numbered by position"}. No colour is 0, full colour 1.`);
      table(below, "Strongest key of each query as a table", ["Query", "Strongest key", "Weight"], rows);
    }
    refill();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  }

  // ---- Ablation: a bar over seeds, a dot a seed.
  function ablation(box, section) {
    const controls = html("div", { class: "controls" }, box), holder = html("div", { class: "bars" }, box), below = html("div", {}, box);
    const words = (group) => [group.task, group.metric.replaceAll("_", " "), `${group.kind} ablation`].filter(Boolean).join(" · ");
    choice(controls, "Shown", section.groups.map((group, index) => [index, words(group)]), (index) => draw(section.groups[index]));
    function draw(group) {
      holder.replaceChildren();
      below.replaceChildren();
      const width = Math.max(280, holder.clientWidth), row = 26, top = 26;
      const label = Math.min(width * 0.42, 12 + 6.7 * Math.max(...group.components.map((part) => part.name.length)));
      const values = group.components.flatMap((part) => [part.over, ...part.drops]).filter((value) => value !== null);
      const low = Math.min(0, ...values), high = Math.max(low + 1, 1, ...values);
      const x = (value) => label + (width - label - 14) * (value - low) / (high - low);
      const height = top + row * group.components.length + 40;
      const picture = canvas(holder, width, height, `Drop in percent after ablation, ${words(group)}`);
      svg("text", { class: "name", x: 0, y: 14 }, picture, words(group));
      for (const mark of ticks(low, high, width < 500 ? 3 : 6)) {
        svg("line", { class: "frame", x1: x(mark), x2: x(mark), y1: top, y2: height - 36 }, picture);
        svg("text", { x: x(mark), y: height - 20, "text-anchor": "middle" }, picture, `${number(mark)} %`);
      }
      svg("text", { x: width - 14, y: height - 4, "text-anchor": "end" }, picture, "drop of the full model's value");
      group.components.forEach((part, index) => {
        const y = top + row * index + row / 2, fits = Math.floor(label / 6.7);
        svg("text", { class: "part", x: 0, y: y + 4 }, picture, part.name.length > fits ? `…${part.name.slice(1 - fits)}` : part.name);
        if (part.over !== null) svg("rect", { x: Math.min(x(0), x(part.over)), y: y - 8, width: Math.abs(x(part.over) - x(0)), height: 16, "data-tip": `${part.name} over seeds: ${number(part.over)} %` }, picture);
        part.drops.forEach((drop, at) => {
          if (drop !== null) svg("circle", { cx: x(drop), cy: y - 5 + 10 * ((at % 4) / 3), r: 4, opacity: 0.85, "data-tip": `${part.name}, seed ${section.seeds[at]}: ${number(drop)} %` }, picture);
        });
      });
      svg("line", { class: "control", x1: x(0), x2: x(0), y1: top, y2: height - 36 }, picture);
      table(below, "The same as a table (drop in percent)", ["Component", "Over seeds", ...section.seeds.map((seed) => `Seed ${seed}`)],
        group.components.map((part) => [part.name, number(part.over), ...part.drops.map(number)]));
    }
    draw(section.groups[0]);
  }

  // ---- The matrix: what look-up tables get beside what the seeds get, column by column along the longest axis, one
  // picture for each setting of the others. Columns stand in the order of the definition.
  const ceilings = [["u_best", "best look-up table (U_best)"], ["u_union", "any look-up table (U_union)"], ["s_best", "best shallow table (S_best)"]];
  const wrap = (text, letters) => text.split(" ").reduce((lines, word) => {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + word.length < letters) lines[last] += ` ${word}`;
    else lines.push(word);
    return lines;
  }, []);
  function matrix(box, section) {
    const distinct = section.axes.map((_, axis) => [...new Set(section.points.map((point) => point.values[axis]))]);
    const main = distinct.reduce((best, values, axis) => (values.length > distinct[best].length ? axis : best), 0);
    const columns = distinct[main], name = section.axes[main];
    const others = (point) => section.axes.map((axis, index) => (index === main ? "" : `${axis} = ${point.values[index]}`)).filter(Boolean).join(", ");
    const panels = html("div", { class: "panels" }, box);
    const places = [...new Set(section.points.map(others))].map((facet) => [facet, html("div", {}, panels)]);
    for (const [facet, holder] of places) {
      const points = section.points.filter((point) => others(point) === facet);
      const width = Math.max(260, holder.clientWidth), left = 34, right = width - 4;
      const slot = (right - left) / columns.length, unit = Math.min(slot, 260), bar = unit * 0.14, gap = unit * 0.022;
      // Bars are labelled across where that fits, else upwards, else not at all.
      const across = bar >= 34, upwards = !across && bar >= 9;
      const top = across ? 46 : upwards ? 62 : 32, bottom = top + Math.min(300, Math.max(190, width * 0.3));
      const headlines = new Map(points.map((point) => [point, wrap(point.headline, slot / 6.2)]));
      const deepest = Math.max(1, ...[...headlines.values()].map((lines) => lines.length));
      const pinned = bottom + 58 + 14 * deepest, height = pinned - 10 + 34 * section.pins.length;
      const y = (percent) => bottom - (bottom - top) * percent / 100;
      const picture = canvas(holder, width, height, `Share of held-out rows answered right against ${name}; the same figures stand in the table below`);
      svg("text", { class: "name", x: 0, y: 14 }, picture, facet || `Held-out rows answered right, by ${name}`);
      const middles = columns.map((_, index) => left + slot * (index + 0.5));
      for (const point of points) {
        const middle = middles[columns.indexOf(point.values[main])];
        if (point.u_best) svg("rect", { class: "zone", x: middle - slot * 0.47, width: slot * 0.94, y: y(point.u_best[0]), height: bottom - y(point.u_best[0]) }, picture);
      }
      for (const mark of [0, 25, 50, 75, 100]) {
        svg("line", { class: "frame", x1: left, x2: right, y1: y(mark), y2: y(mark) }, picture);
        svg("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, picture, number(mark / 100));
      }
      for (const point of points) {
        const middle = middles[columns.indexOf(point.values[main])];
        ceilings.forEach(([key, words], index) => {
          if (!point[key]) return;
          const [at, share, table] = point[key], x = middle - unit * 0.45 + index * (bar + gap);
          const tip = `${point.label}, ${words}: ${share}${table ? ` by ${table}` : ""}`;
          svg("rect", { class: `bar ${key}`, x, width: bar, y: Math.min(y(at), bottom - 1), height: Math.max(1, bottom - y(at)), "data-tip": tip }, picture);
          if (across) svg("text", { class: key, x: x + bar / 2, y: y(at) - 6, "text-anchor": "middle" }, picture, share);
          if (upwards) svg("text", { class: key, transform: `translate(${x + bar / 2 + 4} ${y(at) - 5}) rotate(-90)` }, picture, share);
        });
        const reach = unit * 0.15;
        point.seeds.forEach(([label, at, share, outcome], index) => svg("circle", {
          cx: middle + unit * 0.27 + (point.seeds.length > 1 ? (index / (point.seeds.length - 1) - 0.5) * reach * 2 : 0), cy: y(at), r: slot < 60 ? 3.5 : 5.5,
          "data-tip": `${point.label}, ${label}: ${share}`,
        }, svg("g", { class: outcome }, picture)));
        const line = (class_, offset, words, style = "") => svg("text", { class: class_, x: middle, y: bottom + offset, "text-anchor": "middle", style }, picture, words);
        line("name", 19, point.values[main]);
        line("part", 35, point.mean ? (slot < 100 ? point.mean[1] : `seeds ${point.mean[1]}`) : "–");
        headlines.get(point).forEach((words, index) => line(`tone ${point.tone}`, 51 + 14 * index, words));
        point.pins.forEach(([right_, all], index) => svg("text", { x: middle, y: pinned + 18 + 34 * index, "text-anchor": "middle", style: `font-weight: 600; fill: var(${right_ === all && all ? "--model" : right_ ? "--mixed" : "--memory"})` },
          picture, all ? `${right_}/${all}` : "–"));
      }
      section.pins.forEach((pin, index) => svg("text", { class: "part", x: left, y: pinned + 2 + 34 * index }, picture, `${pin} inferred, seeds:`));
    }
    const legend = html("ul", { class: "legend" }, box);
    const outcomes = [["rule", "rule"], ["partly", "partly"], ["memory", "memory"], ["not_fitted", "not fitted"], ["unknown", "not measurable, a look-up table gets as much"]];
    const seen = new Set(section.points.flatMap((point) => point.seeds.map((seed) => seed[3])));
    const keys = [...ceilings.filter(([key]) => section.points.some((point) => point[key])).map(([key, text]) => [`bar ${key}`, text]),
      ...outcomes.filter(([key]) => seen.has(key)).map(([key, text]) => [`dot ${key}`, `a seed: ${text}`])];
    for (const [key, text] of keys) html("i", { class: `key ${key}` }, html("li", {}, legend)).after(text);
  }

  // ---- Which point is shown, and drawing what is visible.
  const draw = { curves, attention, ablation };
  const drawFigures = () => document.querySelectorAll(".figure").forEach((box) => {
    if (box.childElementCount || !box.clientWidth) return;
    const section = box.dataset.point ? figures.get(box.dataset.point)?.[box.dataset.figure] : data.matrix;
    if (section) (draw[box.dataset.figure] ?? matrix)(box, section);
  });
  const points = [...document.querySelectorAll(".point")];
  const select = document.getElementById("point");
  const show = (id) => {
    points.forEach((point) => { point.hidden = point.id !== id; });
    if (select) select.value = id;
    drawFigures();
  };
  const follow = () => {
    const target = decodeURIComponent(location.hash.slice(1));
    const point = points.find((one) => target === one.id || target.startsWith(`${one.id}-`));
    if (point) {
      show(point.id);
      document.getElementById(target)?.scrollIntoView();
    }
  };
  if (points.length > 1) {
    select.closest(".chooser").hidden = false;
    select.addEventListener("change", () => show(select.value));
    addEventListener("hashchange", follow);
    show(points[0].id);
    follow();
  } else drawFigures();
  // Figures are drawn for their width in pixels: draw again when it changes for good.
  let width = document.body.clientWidth, timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (document.body.clientWidth === width) return;
      width = document.body.clientWidth;
      document.querySelectorAll(".figure").forEach((box) => box.replaceChildren());
      drawFigures();
    }, 150);
  });
})();
