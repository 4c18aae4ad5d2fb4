/* What the theme leaves out: search from file://, and names and keyboard access for readers who do not see the page. */
"use strict";

/* The summaries under search results are fetched, which a browser refuses under file://. */
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

/* A box that scrolls can be reached with the Tab key, so that the arrow keys move it; figures and tables say that they do. */
function letBoxScroll(box) {
  const isWide = box.scrollWidth > box.clientWidth + 1;
  box.classList.toggle("scrolls", isWide && box.matches("table, figure"));
  if (isWide || box.scrollHeight > box.clientHeight + 1) {
    box.tabIndex = 0;
  } else if (box.tabIndex === 0) {
    box.removeAttribute("tabindex");
  }
}

function letBoxesScroll() {
  const watch = new ResizeObserver((entries) => entries.forEach((entry) => letBoxScroll(entry.target)));
  for (const box of document.querySelectorAll(".bd-article table, .bd-article figure, .bd-article pre, .bd-article div.math")) {
    watch.observe(box);
  }
}

/* The arrow that unfolds a chapter in the sidebar says whose pages it shows. */
function nameSidebarArrows() {
  for (const arrow of document.querySelectorAll(".bd-docs-nav summary")) {
    const chapter = arrow.closest("li").querySelector("a");
    arrow.setAttribute("aria-label", `Pages of ${chapter.textContent.trim()}`);
  }
}

/* docutils gives the list of references roles that do not go together with what stands in it. */
function mendReferences() {
  for (const item of document.querySelectorAll(".citation-list, .citation-list > .citation")) {
    item.removeAttribute("role");
  }
}

document.addEventListener("DOMContentLoaded", () => {
  nameSidebarArrows();
  mendReferences();
  letBoxesScroll();
});
