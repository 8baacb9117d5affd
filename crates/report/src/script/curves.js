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

