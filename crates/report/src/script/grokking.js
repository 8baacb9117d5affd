// ---- When train and validation rows were learned: both accuracies against the logarithm of the step, with T_mem, T_gen
// and the delay between them; pictures beside each other share their axis.
function grokking(box, pictures) {
  const panels = html("div", { class: pictures.length > 1 ? "panels" : "" }, box);
  const places = pictures.map(([label, picture]) => [label, picture, html("div", {}, panels)]);
  const firsts = pictures.flatMap(([, picture]) => [...picture.train, ...picture.validation].map((line) => line.xy[0]));
  const lasts = pictures.flatMap(([, picture]) => [picture.last_step, ...picture.published.map((one) => one[1])]);
  const low = Math.log10(Math.min(...firsts)), high = Math.max(Math.log10(Math.max(...lasts)), low + 0.1);
  for (const [label, picture, holder] of places) {
    const width = Math.max(260, holder.clientWidth), left = 42, right = width - 14;
    const named = label ? 18 : 0, top = named + 56, bottom = top + Math.min(260, Math.max(170, width * 0.3)), height = bottom + 36;
    const x = (step) => left + (right - left) * (Math.log10(Math.max(step, 10 ** low)) - low) / (high - low);
    const y = (value) => bottom - (bottom - top) * value;
    const words = [picture.t_mem_text, picture.t_gen_text, picture.delay_text].filter(Boolean).join("; ");
    const svg_ = canvas(holder, width, height, `Train and validation accuracy against the logarithm of the step. ${words}`);
    if (label) svg("text", { class: "name", x: left, y: 14 }, svg_, label);
    for (const mark of [0, 0.25, 0.5, 0.75, 1]) {
      svg("line", { class: "frame", x1: left, x2: right, y1: y(mark), y2: y(mark) }, svg_);
      svg("text", { x: left - 6, y: y(mark) + 4, "text-anchor": "end" }, svg_, number(mark));
    }
    for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power += 1) {
      svg("line", { class: "frame", x1: x(10 ** power), x2: x(10 ** power), y1: top, y2: bottom + 4 }, svg_);
      svg("text", { x: x(10 ** power), y: bottom + 17, "text-anchor": "middle" }, svg_, (10 ** power).toLocaleString("en-US"));
    }
    svg("text", { x: right, y: height - 4, "text-anchor": "end" }, svg_, "step (log scale)");
    if (picture.threshold !== null) svg("line", { class: "control", x1: left, x2: right, y1: y(picture.threshold), y2: y(picture.threshold), "data-tip": `counts as learned: ${picture.threshold}` }, svg_);
    // A text that stays within the picture.
    const say = (class_, at, line, text) => {
      const node = svg("text", { class: class_, x: at, y: line, "text-anchor": "middle" }, svg_, text);
      const half = node.getComputedTextLength() / 2;
      node.setAttribute("x", Math.min(Math.max(at, left - 8 + half), right + 10 - half));
    };
    const published = picture.published.map(([metric, step, text]) => [step, `published ${metric === "t_mem" ? "T_mem" : "T_gen"} ${text}`]);
    for (const [step, text] of published) svg("line", { class: "published", x1: x(step), x2: x(step), y1: top, y2: bottom, "data-tip": text }, svg_);
    for (const [kind, lines] of [["train", picture.train], ["validation", picture.validation]]) for (const line of lines) {
      let path = "";
      for (let index = 0; index < line.xy.length; index += 2) path += `${index ? "L" : "M"}${x(line.xy[index]).toFixed(1)} ${y(line.xy[index + 1]).toFixed(1)}`;
      svg("path", { class: `curve ${kind}`, d: path }, svg_);
      svg("path", { class: "hit", d: path, "data-tip": `${kind} accuracy, seed ${line.seed}` }, svg_);
    }
    published.forEach(([step, text], index) => say("published", x(step), bottom - 8 - 15 * index, text));
    const { t_mem, t_gen } = picture;
    const row = (index) => named + 12 + 16 * index;
    for (const [kind, step, text, index] of [["train", t_mem, picture.t_mem_text, 0], ["validation", t_gen, picture.t_gen_text, 1]]) {
      if (step !== null) svg("line", { class: `learned ${kind}`, x1: x(step), x2: x(step), y1: row(index) + 4, y2: bottom }, svg_);
      say(`learned ${kind}`, step === null ? right : x(step), row(index), text);
    }
    // A median of delays need not lie between the medians of both steps.
    if (picture.delay !== null && picture.delay === t_gen - t_mem) {
      svg("line", { class: "delay", x1: x(t_mem), x2: x(t_gen), y1: top - 4, y2: top - 4 }, svg_);
      for (const step of [t_mem, t_gen]) svg("line", { class: "delay", x1: x(step), x2: x(step), y1: top - 8, y2: top }, svg_);
    }
    if (picture.delay_text) say("delay", t_mem === null || t_gen === null ? right : (x(t_mem) + x(t_gen)) / 2, row(2), picture.delay_text);
    for (const mark of picture.marks) for (const [kind, name, step] of [["train", "T_mem", mark.t_mem], ["validation", "T_gen", mark.t_gen]])
      if (step !== null) svg("circle", { class: kind, cx: x(step), cy: y(picture.threshold ?? 1), r: 3.5, "data-tip": `seed ${mark.seed}: ${name} ${number(step)}` }, svg_);
  }
  const legend = html("ul", { class: "legend" }, box);
  const keys = [["curve train", "train accuracy, a line a seed"], ["curve validation", "validation accuracy"], ["control", "counts as learned"]];
  if (pictures.some(([, picture]) => picture.published.length)) keys.push(["published", "published"]);
  for (const [key, text] of keys) html("i", { class: `key ${key}` }, html("li", {}, legend)).after(text);
}

