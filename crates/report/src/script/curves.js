// ---- Learning curves: the values of all seeds at a step, and one seed before the others.
enhance.curves = (figure) => {
  const [head, ...lines] = decodeURIComponent(figure.querySelector("a[download]").href.split(/,(.*)/s)[1]).trim().split("\n").map((line) => line.split(","));
  for (const group of all("[data-column]", figure)) {
    const picture = group.closest("svg"), column = head.indexOf(group.dataset.column), values = new Map();
    for (const line of lines) if (line[column] !== "") {
      const step = Number(line[1]);
      if (!values.has(step)) values.set(step, []);
      values.get(step).push([line[0], Number(line[column])]);
    }
    const steps = [...values.keys()].sort((a, b) => a - b), [low, high] = picture.dataset.x.split(" ").map(Number);
    const cursor = svg("line", { class: "cursor", y1: 40, y2: "100%", visibility: "hidden" }, picture);
    const words = (step) => {
      const seeds = values.get(step), own = seeds.find(([seed]) => seed === chosen.get("seed")), found = seeds.map(([, value]) => value);
      const list = seeds.length <= 12 ? seeds.map(([seed, value]) => `seed ${seed}: ${number(value)}`).join(", ") : `${seeds.length} seeds: ${number(Math.min(...found))} to ${number(Math.max(...found))}`;
      return `step ${number(step)}, ${own ? `seed ${own[0]}: ${number(own[1])}; ` : ""}${list}`;
    };
    const place = (step) => {
      const at = `${(100 * (step - low)) / (high - low)}%`;
      for (const [name, value] of [["x1", at], ["x2", at], ["visibility", "visible"]]) cursor.setAttribute(name, value);
    };
    const inner = () => picture.querySelector("svg").getBoundingClientRect();
    picture.addEventListener("pointerleave", () => cursor.setAttribute("visibility", "hidden"));
    picture.addEventListener("blur", () => cursor.setAttribute("visibility", "hidden"));
    readable(picture, {
      count: () => steps.length,
      read: (index) => {
        place(steps[index]);
        const frame = inner();
        showTip(words(steps[index]), scrollX + frame.x + (frame.width * (steps[index] - low)) / (high - low), scrollY + frame.y + 30);
      },
      under: (event) => {
        const frame = inner(), wanted = low + ((event.clientX - frame.x) / frame.width) * (high - low);
        const step = steps.reduce((near, one) => (Math.abs(one - wanted) < Math.abs(near - wanted) ? one : near));
        place(step);
        showTip(words(step), event.pageX, event.pageY);
      },
    });
  }
  for (const box of all("[data-seeds]", figure)) {
    box.hidden = false;
    const mark = (seed) => {
      figure.classList.toggle("dim", seed !== undefined);
      all(".line[data-seed]", figure).forEach((line) => line.classList.toggle("on", line.dataset.seed === seed));
    };
    const settle = () => mark(chosen.get("seed"));
    for (const button of all("button", box)) {
      button.addEventListener("pointerenter", () => mark(button.value));
      button.addEventListener("pointerleave", settle);
      button.addEventListener("focus", () => mark(button.value));
      button.addEventListener("blur", settle);
      button.addEventListener("click", () => choose({ seed: chosen.get("seed") === button.value ? null : button.value }));
    }
    listeners.push(() => {
      all("button", box).forEach((button) => button.setAttribute("aria-pressed", String(button.value === chosen.get("seed"))));
      settle();
    });
  }
};

