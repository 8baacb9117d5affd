// ---- Attention: the head that is chosen, large, by its exact weights.
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
enhance.attention = (figure) => {
  const { patterns, names } = JSON.parse(figure.querySelector("script").textContent);
  const controls = figure.querySelector("[data-attention]"), map = figure.querySelector(".map"), link = figure.querySelector("a[download]");
  controls.hidden = false;
  const unique = (values) => [...new Set(values)];
  const selects = {
    task: choice(controls, "Task", (task) => choose({ task })),
    seed: choice(controls, "Seed", (seed) => choose({ seed: seed === "-1" ? null : seed })),
    head: choice(controls, "Layer and head", (head) => choose({ head })),
    rows: choice(controls, "Rows", (rows) => choose({ rows })),
  };
  for (const small of all("svg.head", figure)) small.addEventListener("click", () => {
    const { task, seed, head } = small.dataset;
    choose({ task, seed: seed === "-1" ? null : seed, head, rows: null });
  });
  const name = (seed) => (Number(seed) < 0 ? "mean over seeds" : `seed ${seed}`);
  const pick = (key, options, otherwise) => {
    const wanted = chosen.get(key), value = options.some(([option]) => String(option) === wanted) ? wanted : String(otherwise ?? options[0][0]);
    selects[key](options, value);
    return value;
  };
  let drawn = "";
  const show = () => {
    if (!figure.getClientRects().length) return;
    const task = pick("task", unique(patterns.map((one) => one.task)).map((one) => [one, one]));
    const ofTask = patterns.filter((one) => one.task === task);
    const seed = pick("seed", unique(ofTask.map((one) => one.seed)).sort((a, b) => a - b).map((one) => [one, name(one)]));
    const ofSeed = ofTask.filter((one) => String(one.seed) === seed);
    const rows = pick("rows", ofSeed.map((one) => [one.example, one.example < 0 ? `mean over ${number(one.n)} rows` : `row ${one.example}: ${one.tokens.join(" ")}`.slice(0, 60)]));
    const pattern = ofSeed.find((one) => String(one.example) === rows);
    const head = pick("head", pattern.heads.map(([one]) => [one, `layer ${one.replace(".", ", head ")}`]));
    all("svg.head", figure).forEach((small) => small.classList.toggle("on", small.dataset.task === task && small.dataset.seed === seed && small.dataset.head === head));
    const now = [task, seed, rows, head].join("\n");
    if (now !== drawn) draw(pattern, head, name(seed));
    drawn = now;
  };
  const draw = (pattern, head, who) => {
    const { size, tokens } = pattern, packed = pattern.heads.find(([one]) => one === head)[1];
    const label = names[pattern.names].map((text, at) => (tokens[at] === undefined || tokens[at] === text ? text : `${text} (${tokens[at]})`));
    const weight = (query, key) => {
      const at = query * (query + 1) + 2 * key;
      return (digits.indexOf(packed[at]) * 64 + digits.indexOf(packed[at + 1])) / 4095;
    };
    // As it stands without a script: names for so many pixels, a row for so many.
    const above = 104, row = 13, every = Math.max(1, Math.ceil(size / 20)), bar = all("[data-bar]", map).map((node) => node.cloneNode(true));
    const old = map.querySelector("svg"), shift = above + row * size + 14 - Number(bar[0].dataset.bar);
    const picture = svg("svg", { height: above + row * size + 66, role: "img", "aria-label": `Attention pattern of ${who}, layer and head ${head}, on ${pattern.task}: queries downwards, keys to the right` });
    svg("text", { class: "end", x: -6, y: 13 }, picture, "query ↓ key →");
    const box = svg("svg", { y: above, width: "100%", height: row * size, viewBox: `0 0 ${size} ${size}`, preserveAspectRatio: "none" }, picture);
    svg("rect", { class: "track", width: "100%", height: "100%" }, box);
    const lines = [["query", ...label]];
    for (let query = 0; query < size; query += 1) {
      const line = [label[query]];
      for (let key = 0; key <= query; key += 1) {
        const value = weight(query, key);
        line.push(value.toFixed(4));
        svg("rect", { class: "cell", x: key, y: query, width: 1, height: 1, "fill-opacity": value.toFixed(3), "data-tip": `${label[query]} attends to ${label[key]}: ${value.toFixed(3)}` }, box);
      }
      lines.push(line);
      svg("text", { class: "end", x: -6, y: above + row * query + 10 }, picture, label[query]);
      if (query % every === 0) svg("text", { transform: "rotate(-90)", y: 4 }, svg("svg", { x: `${(100 * (query + 0.5)) / size}%`, y: above - 6 }, picture), label[query]);
    }
    const legend = svg("g", { transform: `translate(0 ${shift})`, "data-bar": bar[0].dataset.bar }, picture);
    bar.forEach((node) => legend.append(...node.childNodes));
    old.replaceWith(picture);
    readable(picture);
    const safe = (text) => (/^[=+@-]/.test(text) ? `'${text}` : text);
    const cell = (raw) => { const text = safe(raw); return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
    link.href = `data:text/csv;charset=utf-8,${encodeURIComponent(lines.map((line) => `${line.map(cell).join(",")}\n`).join(""))}`;
  };
  listeners.push(show);
};

