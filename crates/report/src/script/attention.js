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

