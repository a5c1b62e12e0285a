// Chromium under LANG=C names its language "en-US@posix", which Intl refuses: uPlot, which asks with it as it loads, would not load.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}
