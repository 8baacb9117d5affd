// ---- The matrix against an axis of numbers: a line for each setting of the other axes, whose first gives the colour and
// whose second the stroke. One picture for the accuracy, one for each pinned row.
function lines(box, section) {
  const name = section.axes[section.main];
  const at = (point) => Number(point.values[section.main]);
  const varied = section.axes.map((_, axis) => axis).filter((axis) => axis !== section.main && new Set(section.points.map((point) => point.values[axis])).size > 1);
  const values = varied.map((axis) => [...new Set(section.points.map((point) => point.values[axis]))]);
  const setting = (point) => varied.map((axis) => `${section.axes[axis]} ${point.values[axis]}`).join(", ");
  const style = (point) => varied.map((axis, index) => `${index ? "stroke" : "colour"}-${values[index].indexOf(point.values[axis])}`).join(" ") || "colour-0";
  const groups = [...new Set(section.points.map(setting))].map((words) => {
    const points = section.points.filter((point) => setting(point) === words).sort((a, b) => at(a) - at(b));
    return { words, points, style: style(points[0]) };
  });
  const places = [...new Set(section.points.map(at))].sort((a, b) => a - b);
  const low = places[0], high = places.at(-1);
  // Numbers that span orders of magnitude stand on a logarithmic axis.
  const warp = low > 0 && high / low > 50 ? Math.log10 : (value) => value;
  const panels = html("div", { class: "panels" }, box);

  const panel = (holder, title, draw) => {
    const width = Math.max(260, holder.clientWidth), left = 38, right = width - 18, top = 34, bottom = top + 230, height = bottom + 38;
    const picture = canvas(holder, width, height, `${title} against ${name}; the same figures stand in the table below`);
    const x = (value, shift = 0) => left + 14 + (right - left - 28) * (warp(value) - warp(low)) / (warp(high) - warp(low)) + shift;
    const y = (percent) => bottom - (bottom - top) * percent / 100;
    svg("text", { class: "name", x: 0, y: 14 }, picture, title);
    for (const mark of [0, 25, 50, 75, 100]) {
      svg("line", { class: "frame", x1: left, x2: right, y1: y(mark), y2: y(mark) }, picture);
      svg("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, picture, number(mark / 100));
    }
    let free = -Infinity;
    for (const value of places) {
      svg("line", { class: "frame", x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4 }, picture);
      if (x(value) < free) continue;
      svg("text", { x: x(value), y: bottom + 17, "text-anchor": "middle" }, picture, String(value));
      free = x(value) + 10 + 7 * String(value).length;
    }
    svg("text", { x: right, y: height - 4, "text-anchor": "end" }, picture, warp === Math.log10 ? `${name} (log scale)` : name);
    draw(picture, x, y);
  };
  const path = (x, y, pairs) => pairs.map(([value, percent], index) => `${index ? "L" : "M"}${x(value).toFixed(1)} ${y(percent).toFixed(1)}`).join("");
  // Lines that meet stay apart by a few pixels.
  const shift = (index) => (index - (groups.length - 1) / 2) * Math.min(5, 16 / groups.length);
  const figures = [html("div", {}, panels), ...section.pins.map(() => html("div", {}, panels))];

  panel(figures[0], "Held-out rows answered right, over seeds", (picture, x, y) => {
    for (const key of ["u_best", "s_best"]) {
      const drawn = new Set();
      for (const { points } of groups) {
        const line = path(x, y, points.filter((point) => point[key]).map((point) => [at(point), point[key][0]]));
        if (!line || drawn.has(line)) continue;
        drawn.add(line);
        svg("path", { class: `ceiling ${key}`, d: line }, picture);
        for (const point of points) if (point[key]) svg("circle", { class: `ceiling ${key}`, cx: x(at(point)), cy: y(point[key][0]), r: 2.5, "data-tip": `${point.label}, ${ceilings.find(([one]) => one === key)[1]}: ${point[key][1]}${point[key][2] ? ` by ${point[key][2]}` : ""}` }, picture);
      }
    }
    const published = new Map(section.points.flatMap((point) => point.published.map(([percent, text]) => [text, percent])));
    for (const [text, percent] of published) {
      svg("line", { class: "published", x1: x(low, -14), x2: x(high, 14), y1: y(percent), y2: y(percent), "data-tip": `published: ${text}` }, picture);
    }
    groups.forEach(({ words, points, style }, index) => {
      const group = svg("g", { class: `setting ${style}` }, picture), own = (value) => x(value, shift(index));
      svg("path", { class: "over", d: path(own, y, points.filter((point) => point.mean).map((point) => [at(point), point.mean[0]])) }, group);
      for (const point of points) {
        for (const [label, percent, share] of point.seeds) svg("circle", { class: "seed", cx: own(at(point)), cy: y(percent), r: 2.6, "data-tip": `${point.label}, ${label}: ${share}` }, group);
        if (point.interval) svg("line", { class: "spread", x1: own(at(point)), x2: own(at(point)), y1: y(point.interval[0]), y2: y(point.interval[1]) }, group);
        if (point.mean) svg("circle", { class: "mean", cx: own(at(point)), cy: y(point.mean[0]), r: 4.2, "data-tip": `${name} ${at(point)}${words ? `, ${words}` : ""}: ${point.mean[1]} over ${point.seeds.length} seeds` }, group);
      }
    });
  });
  section.pins.forEach((pin, which) => panel(figures[which + 1], `Seeds that infer ${pin}`, (picture, x, y) => {
    groups.forEach(({ words, points, style }, index) => {
      const asked = points.filter((point) => point.pins[which][1]).map((point) => [point, 100 * point.pins[which][0] / point.pins[which][1]]);
      const group = svg("g", { class: `setting ${style}` }, picture), own = (value) => x(value, shift(index));
      svg("path", { class: "over", d: path(own, y, asked.map(([point, percent]) => [at(point), percent])) }, group);
      for (const [point, percent] of asked) {
        const [right, all] = point.pins[which];
        svg("circle", { class: "mean", cx: own(at(point)), cy: y(percent), r: 4.2, "data-tip": `${name} ${at(point)}${words ? `, ${words}` : ""}: ${right} of ${all} seeds` }, group);
        if (groups.length === 1) svg("text", { x: own(at(point)), y: y(percent) + (percent > 90 ? 18 : -9), "text-anchor": "middle" }, group, `${right}/${all}`);
      }
    });
  }));

  const legend = html("ul", { class: "legend" }, box);
  const key = (draw, text) => {
    const item = html("li", {}, legend);
    draw(svg("svg", { class: "key-line", viewBox: "0 0 26 12", "aria-hidden": "true" }, item));
    item.append(text);
  };
  for (const { words, style } of groups) key((box_) => {
    const group = svg("g", { class: `setting ${style}` }, box_);
    svg("path", { class: "over", d: "M1 6H25" }, group);
    svg("circle", { class: "mean", cx: 13, cy: 6, r: 4 }, group);
  }, words || "over seeds");
  key((box_) => {
    const group = svg("g", { class: "setting" }, box_);
    svg("line", { class: "spread", x1: 13, x2: 13, y1: 0, y2: 12 }, group);
    svg("circle", { class: "seed", cx: 5, cy: 6, r: 2.6 }, group);
    svg("circle", { class: "seed", cx: 21, cy: 6, r: 2.6 }, group);
  }, "95 % interval over seeds; small dots: seeds");
  for (const [name_, text] of [["u_best", "best look-up table, U_best"], ["s_best", "best shallow table, S_best"]])
    if (section.points.some((point) => point[name_])) key((box_) => svg("path", { class: `ceiling ${name_}`, d: "M1 6H25" }, box_), text);
  for (const text of new Set(section.points.flatMap((point) => point.published.map((one) => one[1])))) key((box_) => svg("path", { class: "published", d: "M1 6H25" }, box_), `published ${text}`);
}

