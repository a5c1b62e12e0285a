// Shared by all pages: the theme, and charts that follow the theme, the width of the page, and printing.
(() => {
  "use strict";

  const A4 = 640;
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  /** Charts to keep up to date. The script of each page adds its own. */
  const charts = [];

  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  /** For text that a page draws itself, in pixels of the device. uPlot scales the fonts of its axes by itself. */
  const font = (weight = 400) => `${weight} ${12 * devicePixelRatio}px system-ui, sans-serif`;
  const axisFont = "12px system-ui, sans-serif";

  function show(theme) {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    charts.forEach((chart) => chart.redraw(false, true));
  }

  button.hidden = false;
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));
  preferred.addEventListener("change", () => show(preferred.matches ? "dark" : "light"));
  show(preferred.matches ? "dark" : "light");

  let before;
  new ResizeObserver(() => {
    for (const chart of before ? [] : charts) {
      const width = chart.root.parentElement.clientWidth;
      if (width && width !== chart.width) {
        chart.setSize({ width, height: chart.height });
      }
    }
  }).observe(document.querySelector("main"));

  // A printed page is light, has a width of its own, and shows what is folded on the screen.
  addEventListener("beforeprint", () => {
    const folded = [...document.querySelectorAll("details:not([open])")];
    before = { theme: root.dataset.theme, widths: charts.map((chart) => chart.width), folded };
    folded.forEach((one) => { one.open = true; });
    charts.forEach((chart) => chart.setSize({ width: A4, height: chart.height }));
    show("light");
  });
  addEventListener("afterprint", () => {
    before.folded.forEach((one) => { one.open = false; });
    charts.forEach((chart, index) => chart.setSize({ width: before.widths[index], height: chart.height }));
    show(before.theme);
    before = undefined;
  });

  // After a tap, a browser moves its idle mouse pointer back and reports that the pointer left the chart. A reading by touch
  // stays until the next one; a reading by mouse disappears when the mouse leaves.
  let touched = false;
  document.addEventListener("pointerdown", (event) => { touched = event.pointerType === "touch"; }, true);
  const bind = { mouseleave: (chart, target, leave) => (event) => { if (!touched) leave(event); } };

  Object.assign(window, { squallPage: { charts, colour, font, axisFont, bind }, squallCharts: charts }); // for the console: squallCharts[1].data
})();
