// What makes the page wider than the window, and what begins before it, the innermost elements of both.
// What scrolls by itself does not.
const [width] = arguments;

// Whether something around an element scrolls or cuts it. What is placed reaches past what is not.
function contained(element) {
  let placed = getComputedStyle(element).position === "absolute";
  for (let around = element.parentElement; around; around = around.parentElement) {
    const { position, overflowX } = getComputedStyle(around);
    if (placed && position === "static") continue;
    if (overflowX !== "visible") return true;
    placed = position === "absolute";
  }
  return false;
}

// Where an element ends, or the text in it.
function end(element) {
  const { left, right } = element.getBoundingClientRect();
  const cut = getComputedStyle(element).overflowX !== "visible";
  return Math.ceil(cut ? right : Math.max(right, left + element.scrollWidth));
}

const wider = document.scrollingElement.scrollWidth > width;

// Nobody can scroll to what is before the beginning.
function outside(element) {
  return element.getBoundingClientRect().left < 0 || (wider && end(element) > width);
}

const wide = [...document.body.querySelectorAll("*")].filter(
  (element) => element.checkVisibility() && outside(element) && !contained(element),
);
const innermost = wide.filter(
  (element) => !wide.some((other) => other !== element && element.contains(other)),
);
return innermost.map(
  (element) => `${Math.floor(element.getBoundingClientRect().left)} to ${end(element)} of ${width} pixels: ${element.outerHTML.slice(0, 120)}`,
);
