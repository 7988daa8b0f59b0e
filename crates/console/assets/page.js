// What helps where scripts run. Every page can be read without it.
"use strict";

// Times in the zone of the reader.
const zoned = new Intl.DateTimeFormat(document.documentElement.lang, {
  dateStyle: "medium",
  timeStyle: "short",
});
for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.valueOf())) {
    time.title = time.textContent;
    time.textContent = zoned.format(at);
  }
}

// The clipboard is there by https and on this machine alone.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.classList.add("done");
    });
  }
}

// A choice is sent when it is made.
for (const select of document.querySelectorAll("select[data-send]")) {
  select.addEventListener("change", () => select.form.submit());
}
for (const button of document.querySelectorAll("[data-without-script]")) {
  button.hidden = true;
}

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
