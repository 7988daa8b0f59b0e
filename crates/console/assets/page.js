// What helps where scripts run. Every page can be read without it.
"use strict";

const zoned = (timeStyle) =>
  new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle });
const toTheMinute = zoned("short");
const toTheSecond = zoned("medium");

// What has just come into the document.
function enhance(part) {
  // Times in the zone of the reader.
  for (const time of part.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = time.textContent;
      time.textContent = ("seconds" in time.dataset ? toTheSecond : toTheMinute).format(at);
    }
  }
  // The clipboard is there by https and on this machine alone.
  for (const button of part.querySelectorAll("button[data-copy]")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  // A choice is sent when it is made.
  for (const select of part.querySelectorAll("select[data-send]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  for (const button of part.querySelectorAll("[data-without-script]")) {
    button.hidden = true;
  }
  // On a phone a row is read from top to bottom: each cell says what its column is.
  for (const table of part.querySelectorAll(".wide > table")) {
    const labels = [...table.querySelectorAll("thead th")].map((head) => (head.querySelector(".hidden") ? "" : head.textContent));
    for (const row of table.tBodies[0]?.rows ?? []) {
      [...row.cells].forEach((cell, at) => {
        if (cell.tagName === "TD" && labels[at] && cell.colSpan === 1 && !cell.querySelector(".action, form")) cell.dataset.label = labels[at];
      });
    }
    table.classList.add("stacked");
  }
  // The newest hours stand last.
  for (const plot of part.querySelectorAll(".plots .wide")) plot.scrollLeft = plot.scrollWidth;
  // What is wider than the screen can be reached and moved with keys.
  for (const wide of part.querySelectorAll(".wide")) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  const label = button.textContent;
  button.textContent = button.dataset.copy;
  button.disabled = true;
  setTimeout(() => {
    button.textContent = label;
    button.disabled = false;
  }, 1500);
}

enhance(document);

// A key leads to a field, unless something is being written.
document.addEventListener("keydown", (event) => {
  const writing = event.target.closest("input, textarea, select");
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

// Parts that live, by id: `data-live` names what they show, of which the server tells when it has
// changed; those with `data-refresh` are asked again every two seconds.
const living = () => [...document.querySelectorAll("[data-live], [data-refresh]")];
const topicsOf = (part) => part.dataset.live?.split(" ") ?? [];

// One look at a time; what changes meanwhile is looked at behind it.
const wanted = new Set();
let looking = false;

async function refresh(ids) {
  ids.forEach((id) => wanted.add(id));
  if (looking || document.hidden) return;
  looking = true;
  while (wanted.size) {
    const now = [...wanted];
    wanted.clear();
    await look(now).catch(() => null);
  }
  looking = false;
}

async function look(ids) {
  const answer = await fetch(location.href);
  // The session has ended: the way to the sign-in is the server's.
  if (answer.redirected) return location.reload();
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ids) {
    const [part, next] = [document.getElementById(id), page.getElementById(id)];
    if (part && next && !inUse(part)) replace(part, next);
  }
  document.body.dataset.seen = page.body.dataset.seen;
}

// What somebody is about to send, or to copy, stays as it is.
function inUse(part) {
  const { activeElement } = document;
  const written = part.contains(activeElement) && activeElement.matches("input, textarea, select");
  const selection = getSelection();
  return written || (!selection.isCollapsed && part.contains(selection.anchorNode));
}

const FOCUSABLE = "a[href], button, summary, input, textarea, select, [tabindex]";

function replace(part, next) {
  for (const open of part.querySelectorAll("details[open][id]")) {
    next.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = [...part.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  const scrolled = [...part.querySelectorAll(".wide")].map((wide) => wide.scrollLeft);
  part.replaceWith(next);
  enhance(next);
  next.querySelectorAll(".wide").forEach((wide, at) => (wide.scrollLeft = scrolled[at] ?? 0));
  if (focused >= 0) [...next.querySelectorAll(FOCUSABLE)][focused]?.focus();
}

// Of many changes in a second one is enough to look.
const changed = new Set();
function soon(topic) {
  if (!changed.size) setTimeout(lookAtChanged, 1000);
  changed.add(topic);
}

function lookAtChanged() {
  const parts = living().filter((part) => topicsOf(part).some((topic) => changed.has(topic)));
  changed.clear();
  refresh(parts.map((part) => part.id));
}

// Browsers keep few connections to a host, so that a page which nobody looks at has none.
let feed = null;
function follow() {
  feed?.close();
  feed = null;
  const topics = new Set(living().flatMap(topicsOf));
  if (!topics.size || document.hidden) return;
  // The server knows what has changed since the page was made.
  feed = new EventSource(`/live?seen=${document.body.dataset.seen}`);
  for (const topic of topics) feed.addEventListener(topic, () => soon(topic));
  feed.addEventListener("error", () => {
    // A browser gives up when the answer is none that it can read, as while the server starts again.
    if (feed?.readyState === EventSource.CLOSED) setTimeout(follow, 5000);
  });
}
follow();
document.addEventListener("visibilitychange", follow);
setInterval(() => refresh(living().filter((part) => "refresh" in part.dataset).map((part) => part.id)), 2000);
