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

