// The charts of a run, or of each Region of a run over several: uPlot draws them from the JSON in #data. All share one time axis.
(() => {
  "use strict";

  const { charts, colour, font, bind } = window.squallPage;
  const at = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

  const island = document.getElementById("data");
  if (island) {
    document.getElementById("unscripted").hidden = true;
    const data = JSON.parse(island.textContent);
    drawAll(data.courses || [data]);
  }

  function drawAll(courses) {
    const whole = { min: Math.min(...courses.map((data) => data.times[0])), max: Math.max(...courses.map((data) => data.end)) };
    const period = Math.max(...courses.map((data) => data.period));
    const buttons = [...document.querySelectorAll("[data-zoom]")];
    let zooming = false;

    /** Zoom every chart to the same span. */
    function zoom(span) {
      if (zooming) {
        return;
      }
      zooming = true;
      for (const chart of charts) {
        chart.setScale("x", span);
      }
      zooming = false;
      for (const one of buttons) {
        const chosen = spanOf(one.dataset.zoom);
        one.setAttribute("aria-pressed", String(chosen.min === span.min && chosen.max === span.max));
      }
    }

    /** The span of a window, in all Regions together. */
    function spanOf(name) {
      const found = courses.flatMap((data) => data.windows.filter((window) => window.name === name));
      if (!found.length) {
        return whole;
      }
      const start = Math.min(...found.map((window) => window.start));
      const end = Math.max(...found.map((window) => window.end));
      const room = Math.max(period, (end - start) * 0.1);
      return { min: Math.max(whole.min, start - room), max: Math.min(whole.max, end + room) };
    }

    courses.forEach((data, number) => draw(data, number, whole, zoom));
    for (const chart of charts) {
      chart.over.addEventListener("dblclick", () => zoom(whole));
    }
    for (const one of buttons) {
      one.addEventListener("click", () => zoom(spanOf(one.dataset.zoom)));
    }
    document.querySelector(".zoom").hidden = false;
  }

  // --- charts ------------------------------------------------------------------------------------------------------

  function draw(data, number, whole, zoom) {
    const lane = document.querySelector(`.lane[data-course="${number}"] .plot`);
    const reading = document.querySelector(`.lane[data-course="${number}"] .reading`);
    const numbered = data.markers.filter((marker) => marker.at >= whole.min && marker.at <= whole.max);
    const tone = (kind) => colour({ fault: "bad", alarm: "bad", abort: "bad", good: "good", expect: "good" }[kind] || "muted");

    /** The usual range of the metric before the fault. */
    function band(chart, given) {
      if (given.band) {
        const { ctx, bbox } = chart;
        const [low, high] = given.band.map((value) => chart.valToPos(Math.min(given.high, Math.max(given.low, value)), "y", true));
        ctx.save();
        ctx.fillStyle = colour("band");
        ctx.fillRect(bbox.left, high, bbox.width, low - high);
        ctx.restore();
      }
    }

    /** The judged windows, behind everything else. */
    function shade(chart) {
      const { ctx, bbox } = chart;
      ctx.save();
      for (const window of data.windows) {
        const left = Math.max(bbox.left, chart.valToPos(window.start, "x", true));
        const right = Math.min(bbox.left + bbox.width, chart.valToPos(window.end, "x", true));
        if (right > left) {
          ctx.fillStyle = colour({ baseline: "before", fault: "fault", observation: "observed", recovery: "after" }[window.name]);
          ctx.fillRect(left, bbox.top, right - left, bbox.height);
        }
      }
      ctx.restore();
    }

    function rule(chart, x, kind, dash) {
      const { ctx, bbox } = chart;
      ctx.strokeStyle = tone(kind);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
    }

    function inside(chart, x) {
      return x >= chart.bbox.left - 1 && x <= chart.bbox.left + chart.bbox.width + 1;
    }

    /** Events as thin lines through a chart; the lane above has their numbers. */
    function events(chart) {
      chart.ctx.save();
      for (const marker of numbered) {
        const x = chart.valToPos(marker.at, "x", true);
        if (inside(chart, x)) {
          rule(chart, x, marker.kind, [2, 3]);
        }
      }
      chart.ctx.restore();
    }

    /** Thresholds with their labels; the label of one off the scale stands at the edge beyond which it lies. */
    function thresholds(chart, given) {
      const { ctx, bbox } = chart;
      const height = 15 * devicePixelRatio;
      const taken = [];
      ctx.save();
      ctx.font = font(600);
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      for (const line of given.lines) {
        const beyond = line.value > given.high ? bbox.top : bbox.top + bbox.height;
        const y = line.shown ? chart.valToPos(line.value, "y", true) : beyond;
        ctx.strokeStyle = ctx.fillStyle = tone(line.kind);
        if (line.shown) {
          ctx.lineWidth = 1.5 * devicePixelRatio;
          ctx.setLineDash([7 * devicePixelRatio, 4 * devicePixelRatio]);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
          ctx.setLineDash([]);
        }
        const label = line.shown ? line.label : `${line.label} ${line.value > given.high ? "↑" : "↓"} off the scale`;
        let place = Math.min(bbox.top + bbox.height - height / 2, Math.max(bbox.top + height / 2, y - height / 2));
        while (taken.some((other) => Math.abs(other - place) < height)) {
          place += height;
        }
        taken.push(place);
        ctx.lineWidth = 4 * devicePixelRatio;
        ctx.strokeStyle = colour("card");
        ctx.strokeText(label, bbox.left + bbox.width - 6 * devicePixelRatio, place);
        ctx.fillText(label, bbox.left + bbox.width - 6 * devicePixelRatio, place);
      }
      ctx.restore();
    }

    /** The lane: names of the windows and numbers of the events, stacked if they are too close. */
    function numbers(chart) {
      const { ctx, bbox } = chart;
      const radius = 10 * devicePixelRatio;
      const rows = [];
      ctx.save();
      ctx.font = font(600);
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      for (const window of data.windows) {
        const left = Math.max(bbox.left, chart.valToPos(window.start, "x", true));
        const right = Math.min(bbox.left + bbox.width, chart.valToPos(window.end, "x", true));
        if (right - left > ctx.measureText(window.label).width + 4) {
          ctx.fillStyle = colour("muted");
          ctx.fillText(window.label, (left + right) / 2, bbox.top + radius);
        }
      }
      for (const marker of numbered) {
        const x = chart.valToPos(marker.at, "x", true);
        if (!inside(chart, x)) {
          continue;
        }
        let row = rows.findIndex((end) => x - radius > end);
        row = row < 0 ? rows.length : row;
        rows[row] = x + radius + devicePixelRatio;
        const y = bbox.top + (3.1 + (row % 3) * 2.1) * radius;
        ctx.fillStyle = tone(marker.kind);
        ctx.beginPath();
        ctx.arc(x, y, radius * 0.95, 0, 2 * Math.PI);
        ctx.fill();
        ctx.fillStyle = colour("card");
        ctx.fillText(String(marker.number), x, y);
      }
      ctx.restore();
    }

    function axis() {
      return {
        stroke: () => colour("muted"),
        font: "12px system-ui, sans-serif",
        gap: 5,
        grid: { stroke: () => colour("grid"), width: 1 },
        ticks: { stroke: () => colour("edge"), width: 1, size: 5 },
      };
    }

    function common(height) {
      return {
        width: 600,
        height,
        padding: [8, 32, 0, 0],
        legend: { show: false },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        cursor: { bind, sync: { key: "run", setSeries: false }, drag: { x: true, y: false, setScale: false }, y: false },
      };
    }

    function times() {
      return { ...axis(), size: 30, space: 70, values: (_, splits) => splits.map((split) => at(split).slice(0, data.period < 60 ? 8 : 5)) };
    }

    function selected(chart) {
      const { left, width } = chart.select;
      if (width > 4) {
        zoom({ min: chart.posToVal(left, "x"), max: chart.posToVal(left + width, "x") });
      }
      chart.setSelect({ left: 0, width: 0 }, false);
    }

    /** The time under the cursor, and the events near it. */
    function read(chart) {
      const { left } = chart.cursor;
      if (left === undefined || left < 0) {
        reading.textContent = "\u00a0";
        return;
      }
      const seconds = chart.posToVal(left, "x");
      const near = numbered
        .map((marker) => ({ marker, distance: Math.abs(chart.valToPos(marker.at, "x") - left) }))
        .filter(({ distance }) => distance < 12)
        .map(({ marker }) => `${marker.number} ${marker.label}`);
      reading.textContent = [`${at(seconds)} UTC`, ...near].join(" · ");
    }

    const top = new uPlot(
      {
        ...common(112),
        scales: { x: { time: true, min: whole.min, max: whole.max }, y: { range: [0, 1] } },
        axes: [times(), { ...axis(), size: 64, values: () => [], grid: { show: false }, ticks: { show: false } }],
        series: [{}, { show: true, stroke: "transparent", points: { show: false } }],
        hooks: { drawClear: [shade], draw: [numbers], setCursor: [read], setSelect: [selected] },
      },
      [data.times, data.times.map(() => null)],
      lane,
    );
    charts.push(top);

    data.charts.forEach((given, index) => {
      const figure = document.querySelector(`.chart[data-course="${number}"][data-chart="${index}"]`);
      const value = figure.querySelector(".value");
      const options = {
        ...common(180),
        scales: { x: { time: true, min: whole.min, max: whole.max }, y: { range: [given.low, given.high] } },
        axes: [times(), { ...axis(), size: 64, space: 34, values: (_, splits) => splits.map((split) => quantity(split, given.unit)) }],
        series: [
          {},
          {
            label: given.title,
            stroke: () => colour("line"),
            width: 2,
            points: { show: data.times.length < 200, size: 5, fill: () => colour("line") },
          },
        ],
        hooks: {
          drawClear: [shade, (chart) => band(chart, given), events],
          draw: [(chart) => thresholds(chart, given)],
          setCursor: [
            (chart) => {
              const { idx, left } = chart.cursor;
              const known = left >= 0 && idx != null ? given.values[idx] : undefined;
              value.textContent = known === undefined ? "" : `${at(data.times[idx])}  ${known === null ? "no data" : quantity(known, given.unit)}`;
            },
          ],
          setSelect: [selected],
        },
      };
      // Between two points of a metric with longer periods the line goes on. Where a point is missing, it is broken.
      const values = given.values.map((one, i) => (one === null && data.times[i] % given.period ? undefined : one));
      charts.push(new uPlot(options, [data.times, values], figure.querySelector(".plot")));
    });

  }

  /** A value with its unit, by the same rules as in the tables (reporting/formatting.py). */
  function quantity(value, unit) {
    const digits = (number) => (Math.abs(number) >= 10000 ? Math.round(number).toLocaleString("en") : String(Number(number.toPrecision(4))));
    if (unit === "percent") {
      return `${digits(value)} %`;
    }
    if (unit === "seconds") {
      return value !== 0 && Math.abs(value) < 1 ? `${digits(value * 1000)} ms` : `${digits(value)} s`;
    }
    if (unit === "per_second") {
      return `${digits(value)} /s`;
    }
    if (unit === "bytes") {
      const [factor, name] = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([size]) => Math.abs(value) >= size) || [1, "B"];
      return `${digits(value / factor)} ${name}`;
    }
    return digits(value);
  }
})();
