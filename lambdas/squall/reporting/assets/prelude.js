// Under LANG=C, Chromium reports the language "en-US@posix". Intl refuses it, and uPlot would fail to load.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}
