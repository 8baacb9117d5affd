// ---- Ablation: a bar over seeds, a dot a seed. A drop has a direction and a size, never a sign.
const fall = (drop) => drop === null ? "–" : Math.abs(drop) < 0.005 ? "stays" : `${drop > 0 ? "falls" : "rises"} by ${number(Math.abs(drop))} %`;
function ablation(box, section) {
  const controls = html("div", { class: "controls" }, box), holder = html("div", { class: "bars" }, box), below = html("div", {}, box);
  const words = (group) => [group.task, group.metric, `${group.kind} ablation`].filter(Boolean).join(" · ");
  const chosen = {};
  const pick = (key, label) => {
    const all = [...new Set(section.groups.map((group) => group[key]))];
    chosen[key] = section.groups[0][key];
    choice(controls, label, all.map((value) => [value, value]), (value) => { chosen[key] = value; show(); }).value = chosen[key];
  };
  pick("metric", "Metric"), pick("task", "Task"), pick("kind", "Replaced by");
  const show = () => {
    const group = section.groups.find((group) => Object.entries(chosen).every(([key, value]) => group[key] === value));
    if (group) draw(group);
    else { holder.replaceChildren(); below.replaceChildren(); html("p", { class: "note" }, holder, "The page has no room for these; they stand in ablation.parquet."); }
  };
  function draw(group) {
    holder.replaceChildren();
    below.replaceChildren();
    const width = Math.max(280, holder.clientWidth), row = 26, top = 26;
    const label = Math.min(width * 0.42, 12 + 6.7 * Math.max(...group.components.map((part) => part.name.length)));
    const values = group.components.flatMap((part) => [part.over, ...part.drops]).filter((value) => value !== null);
    const low = Math.min(0, ...values), high = Math.max(low + 1, 1, ...values);
    const x = (value) => label + (width - label - 14) * (value - low) / (high - low);
    const height = top + row * group.components.length + 40;
    const picture = canvas(holder, width, height, `How far the full model's value falls or rises, ${words(group)}`);
    svg("text", { class: "name", x: 0, y: 14 }, picture, words(group));
    for (const mark of ticks(low, high, width < 500 ? 3 : 6)) {
      svg("line", { class: "frame", x1: x(mark), x2: x(mark), y1: top, y2: height - 36 }, picture);
      svg("text", { x: x(mark), y: height - 20, "text-anchor": "middle" }, picture, `${number(Math.abs(mark))} %`);
    }
    svg("text", { x: x(0) + 4, y: height - 4 }, picture, "falls by →");
    if (low < 0) svg("text", { x: x(0) - 4, y: height - 4, "text-anchor": "end" }, picture, "← rises by");
    group.components.forEach((part, index) => {
      const y = top + row * index + row / 2, fits = Math.floor(label / 6.7);
      svg("text", { class: "part", x: 0, y: y + 4 }, picture, part.name.length > fits ? `…${part.name.slice(1 - fits)}` : part.name);
      if (part.over !== null) svg("rect", { x: Math.min(x(0), x(part.over)), y: y - 8, width: Math.abs(x(part.over) - x(0)), height: 16, "data-tip": `${part.name} over seeds: ${fall(part.over)}` }, picture);
      part.drops.forEach((drop, at) => {
        if (drop !== null) svg("circle", { cx: x(drop), cy: y - 5 + 10 * ((at % 4) / 3), r: 4, opacity: 0.85, "data-tip": `${part.name}, seed ${section.seeds[at]}: ${fall(drop)}` }, picture);
      });
    });
    svg("line", { class: "control", x1: x(0), x2: x(0), y1: top, y2: height - 36 }, picture);
    const meaning = group.meaning ? `${group.metric}: ${group.meaning}. ` : "";
    const undefined_ = group.components.some((part) => part.drops.includes(null));
    html("p", { class: "note" }, below, `${meaning}In percent of the full model's value${undefined_ ? "; a seed has none where that is not above 0" : ""}.`);
    table(below, "The same as a table", ["Component", "Over seeds", ...section.seeds.map((seed) => `Seed ${seed}`)],
      group.components.map((part) => [part.name, ...[part.over, ...part.drops].map(fall)]));
  }
  show();
}

