// ---- The matrix: what look-up tables get beside what the seeds get, column by column along the longest axis, one
// picture for each setting of the others. Columns stand in the order of the definition.
const ceilings = [["u_best", "best look-up table (U_best)"], ["u_union", "any look-up table (U_union)"], ["s_best", "best shallow table (S_best)"]];
const wrap = (text, letters) => text.split(" ").reduce((lines, word) => {
  const last = lines.length - 1;
  if (last >= 0 && lines[last].length + word.length < letters) lines[last] += ` ${word}`;
  else lines.push(word);
  return lines;
}, []);
function bars(box, section) {
  const main = section.main, name = section.axes[main];
  const columns = [...new Set(section.points.map((point) => point.values[main]))];
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
      for (const [at, share] of point.published) {
        svg("line", { class: "published", x1: middle - slot * 0.47, x2: middle + slot * 0.47, y1: y(at), y2: y(at), "data-tip": `${point.label}, published: ${share}` }, picture);
        svg("text", { class: "published", x: middle + slot * 0.47, y: y(at) - 7, "text-anchor": "end" }, picture, `published ${share}`);
      }
      const reach = unit * 0.15;
      point.seeds.forEach(([label, at, share, outcome], index) => svg("circle", {
        cx: middle + unit * 0.27 + (point.seeds.length > 1 ? (index / (point.seeds.length - 1) - 0.5) * reach * 2 : 0), cy: y(at), r: slot < 60 ? 3.5 : 5.5,
        "data-tip": `${point.label}, ${label}: ${share}`,
      }, svg("g", { class: outcome }, picture)));
      const line = (class_, offset, words, style = "") => svg("text", { class: class_, x: middle, y: bottom + offset, "text-anchor": "middle", style }, picture, words);
      line("name", 19, point.values[main]);
      line("part", 35, point.mean ? (slot < 100 ? point.mean[1] : `seeds ${point.mean[1]}`) : point.counted ?? "–");
      headlines.get(point).forEach((words, index) => line(`tone ${point.tone}`, 51 + 14 * index, words));
      point.pins.forEach(([right_, all], index) => svg("text", { x: middle, y: pinned + 18 + 34 * index, "text-anchor": "middle", style: `font-weight: 600; fill: var(${right_ === all && all ? "--model" : right_ ? "--mixed" : "--memory"})` },
        picture, all ? `${right_}/${all}` : "–"));
    }
    section.pins.forEach((pin, index) => svg("text", { class: "part", x: left, y: pinned + 2 + 34 * index }, picture, `${pin} inferred, seeds:`));
  }
  const legend = html("ul", { class: "legend" }, box);
  const outcomes = [["rule", "rule"], ["partly", "partly"], ["memory", "memory"], ["not_inferred", "not inferred"], ["not_transferred", "not transferred"], ["not_fitted", "not fitted"], ["not_measurable", "not measurable, a look-up table gets as much"]];
  const seen = new Set(section.points.flatMap((point) => point.seeds.map((seed) => seed[3])));
  const keys = [...ceilings.filter(([key]) => section.points.some((point) => point[key])).map(([key, text]) => [`bar ${key}`, text]),
    ...outcomes.filter(([key]) => seen.has(key)).map(([key, text]) => [`dot ${key}`, `a seed: ${text}`])];
  for (const [key, text] of keys) html("i", { class: `key ${key}` }, html("li", {}, legend)).after(text);
}

