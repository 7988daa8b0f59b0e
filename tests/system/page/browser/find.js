// The first control of a kind that is shown and has this name: what a screen reader calls it.
const [kind, name] = arguments;
const selectors = {
  control: "a[href], button, summary",
  field: "input:not([type=checkbox], [type=radio], [type=hidden]), textarea",
  choice: "select",
  box: "input[type=checkbox], input[type=radio]",
};

function nameOf(element) {
  if (element.ariaLabel) return element.ariaLabel;
  if (!element.labels?.length) return element.textContent;
  const label = element.labels[0].cloneNode(true);
  for (const control of label.querySelectorAll("input, select, textarea")) control.remove();
  return label.textContent;
}

const elements = [...document.querySelectorAll(selectors[kind])];
return elements.find((element) => {
  const called = nameOf(element).replace(/\s+/g, " ").trim();
  return called === name && element.checkVisibility();
});
