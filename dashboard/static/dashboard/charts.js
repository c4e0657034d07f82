// Draws the charts of the page: what adds up as stacked bars, means as lines. All of
// it is in the page already, in data-times and data-chart, and in the tables.
(() => {
  "use strict";
  const HEIGHT = 168;
  const language = document.documentElement.lang;
  const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat(language);
  const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
  const day = new Intl.DateTimeFormat(language, { month: "short", day: "numeric" });
  const WRITTEN = {
    count: (amount) => whole.format(amount),
    credits: (amount) => fine.format(amount),
    ms: (amount) => `${fine.format(amount / 1000)} s`,
  };
  const ON_AXIS = {
    count: (amount) => compact.format(amount),
    credits: (amount) => compact.format(amount),
    ms: (amount) => `${compact.format(amount / 1000)} s`,
  };
  const DAY = 86400;

  let drawn = [];

  function colourOf(element, name) {
    const probe = document.createElement("i");
    probe.className = `chip colour-${name}`;
    element.append(probe);
    const colour = getComputedStyle(probe).backgroundColor;
    probe.remove();
    return colour;
  }

  function onTime(plot, splits, axis, space, step) {
    return splits.map((seconds) => {
      const when = new Date(seconds * 1000);
      const midnight = when.getHours() + when.getMinutes() === 0;
      return step >= DAY || midnight ? day.format(when) : clock.format(when);
    });
  }

  function stacked(lines) {
    let below = lines[0].values.map(() => 0);
    return lines.map((line) => (below = line.values.map((value, at) => value + below[at])));
  }

  function tooltip(times, step, told) {
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;

    function row(line, value, colour) {
      const element = document.createElement("p");
      const chip = document.createElement("i");
      chip.className = `chip colour-${colour}`;
      const amount = document.createElement("b");
      amount.textContent = WRITTEN[told.unit](value);
      element.append(chip, line, amount);
      return element;
    }

    function show(plot) {
      const { idx, left } = plot.cursor;
      tip.hidden = idx == null || left < 0 || !plot.over.matches(":hover");
      if (tip.hidden) return;
      const when = new Date(times[idx] * 1000);
      const title = document.createElement("p");
      title.textContent = step >= DAY ? day.format(when) : `${day.format(when)} ${clock.format(when)}`;
      const rows = told.lines
        .filter((line) => line.values[idx])
        .map((line) => row(line.name, line.values[idx], line.colour));
      tip.replaceChildren(title, ...rows);
      const toTheLeft = left > plot.over.clientWidth / 2;
      tip.classList.toggle("left", toTheLeft);
      tip.style.translate = `${Math.round(left)}px 0`;
    }

    return { hooks: { init: (plot) => plot.over.append(tip), setCursor: show } };
  }

  function draw(figure, times) {
    const told = JSON.parse(figure.dataset.chart);
    const holder = figure.querySelector(".plot");
    const style = getComputedStyle(figure);
    const quiet = style.getPropertyValue("color");
    const step = times.length > 1 ? times[1] - times[0] : DAY;
    const middles = times.map((begin) => begin + step / 2);
    const bars = uPlot.paths.bars({ size: [0.78, 36] });
    // The highest first: each is painted over by those below it.
    const order = told.stacked ? told.lines.map((line, at) => at).reverse() : told.lines.map((line, at) => at);
    const values = told.stacked ? stacked(told.lines) : told.lines.map((line) => line.values);
    const series = order.map((at) => {
      const colour = colourOf(figure, told.lines[at].colour);
      return told.stacked
        ? { fill: colour, stroke: colour, width: 0, paths: bars, points: { show: false } }
        : { stroke: colour, width: times.length > 60 ? 1.25 : 2, spanGaps: true, points: { size: 5, fill: colour } };
    });
    const axis = { stroke: quiet, font: "11px system-ui", ticks: { show: false }, gap: 6 };
    const line = style.getPropertyValue("border-top-color");
    holder.replaceChildren();
    drawn.push(new uPlot({
      width: holder.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [10, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: "usage" } },
      scales: {
        x: { range: () => [times[0], times.at(-1) + step] },
        y: { range: (plot, least, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, values: onTime, space: 64, size: 28 },
        { ...axis, grid: { stroke: line, width: 1 }, space: 36, size: 52,
          values: (plot, splits) => splits.map((amount) => ON_AXIS[told.unit](amount)) },
      ],
      series: [{}, ...series],
      plugins: [tooltip(times, step, told)],
    }, [middles, ...order.map((at) => values[at])], holder));
  }

  function drawAll() {
    for (const plot of drawn) plot.destroy();
    drawn = [];
    const part = document.querySelector("[data-times]");
    if (!part) return;
    const times = JSON.parse(part.dataset.times);
    for (const figure of part.querySelectorAll("[data-chart]")) draw(figure, times);
  }

  let width = 0;
  new ResizeObserver(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    drawAll();
  }).observe(document.body);
  new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSwap", drawAll);
})();
