// What is still English on a page in another language: what says so, and what has words of ours.
const [phrases] = arguments;
const main = document.querySelector("main").cloneNode(true);
const found = [];
// What others have written, and what is meant to be copied.
for (const part of main.querySelectorAll("pre, code, .line-container")) part.remove();
for (const part of main.querySelectorAll("[lang=en]")) {
  // Most of what an engine tells is its own.
  if (part.closest(".line-engine")) continue;
  found.push(part.textContent.trim());
  part.remove();
}
const text = main.textContent;
return found.concat(phrases.filter((phrase) => text.includes(phrase)));
