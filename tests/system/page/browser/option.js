// The option of that text in the choice of that name.
const [choice, text] = arguments;
return [...choice.options].find((option) => option.textContent.trim() === text);
