// Light and dark: as the system says until the reader chooses.

import { buildElement } from "./elements.js";

const THEME_KEY = "unrolled-theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

export function buildThemeSwitch(onchange) {
  const button = buildElement("button", { type: "button", class: "quiet", onclick: toggle });
  function show() {
    const dark = themeIsDark();
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", dark ? "Switch to light colours" : "Switch to dark colours");
    onchange();
  }
  function toggle() {
    document.documentElement.dataset.theme = themeIsDark() ? "light" : "dark";
    rememberTheme(document.documentElement.dataset.theme);
    show();
  }
  const remembered = recallTheme();
  if (remembered) document.documentElement.dataset.theme = remembered;
  systemIsDark.addEventListener("change", show);
  show();
  return button;
}

function themeIsDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemIsDark.matches;
}

// Storage may be forbidden, as in some browsers for a page from a file; then nothing is kept.
function rememberTheme(theme) {
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // The choice holds until the page is closed.
  }
}

function recallTheme() {
  try {
    const theme = localStorage.getItem(THEME_KEY);
    return theme === "light" || theme === "dark" ? theme : null;
  } catch {
    return null;
  }
}
