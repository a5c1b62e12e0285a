// The page of a period: uPlot draws runs by outcome as stacked bars and recovery as lines, from the JSON in #data.
(() => {
  "use strict";

  const island = document.getElementById("data");
  if (!island) {
    return;
  }
  document.getElementById("unscripted").hidden = true;
  const data = JSON.parse(island.textContent);
  const day = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const { charts, colour, axisFont, bind } = window.squallPage;

  /** Sums of each outcome and those below it, the highest first, because uPlot draws later series over earlier ones. */
  function stacked() {
    const sums = [];
    let below = data.times.map(() => 0);
    for (const outcome of data.runs) {
      below = below.map((value, index) => value + outcome.counts[index]);
      sums.push({ ...outcome, sums: below });
    }
    return sums.reverse();
  }

  function chart(id, series, values, unit, describe) {
    const figure = document.getElementById(id);
    const plot = figure.querySelector(".plot");
    const output = figure.querySelector(".value");
    const axis = { stroke: () => colour("muted"), font: axisFont, grid: { stroke: () => colour("grid"), width: 1 }, ticks: { show: false } };
    const options = {
      width: Math.max(plot.clientWidth, 200),
      height: 200,
      legend: { show: false },
      cursor: { bind, y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: () => [data.times[0] - data.step / 2, data.times[data.times.length - 1] + data.step / 2] },
        y: { range: (_, low, high) => [0, Math.max(1, high) * 1.08] },
      },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map(day), space: 70 },
        { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) || unit ? `${tick}${unit}` : "")) },
      ],
      series: [{}, ...series],
      hooks: {
        setCursor: [
          (made) => {
            const { idx, left } = made.cursor;
            output.textContent = left >= 0 && idx != null ? `${day(data.times[idx])}  ${describe(idx)}` : "";
          },
        ],
      },
    };
    charts.push(new uPlot(options, [data.times, ...values], plot));
  }

  const stacks = stacked();
  chart(
    "runs",
    stacks.map((one) => ({
      stroke: () => colour(one.tone === "plain" ? "muted" : one.tone),
      fill: () => colour(one.tone === "plain" ? "muted" : one.tone),
      width: 0,
      paths: uPlot.paths.bars({ size: [0.7, 40], align: 0 }),
      points: { show: false },
    })),
    stacks.map((one) => one.sums),
    "",
    (index) => data.runs.filter((one) => one.counts[index]).map((one) => `${one.counts[index]} ${one.word}`).join(", ") || "none",
  );

  const seconds = (value) => (value == null ? "no run" : `${Number(value.toPrecision(3))} s`);
  const line = { stroke: () => colour("line"), width: 2, spanGaps: true, points: { show: true, size: 5, fill: () => colour("line") } };
  chart(
    "recovery",
    [line, { ...line, width: 1, dash: [6, 4], points: { show: false } }],
    [data.recovery.median, data.recovery.p95],
    " s",
    (index) => `median ${seconds(data.recovery.median[index])}, p95 ${seconds(data.recovery.p95[index])}`,
  );
})();
