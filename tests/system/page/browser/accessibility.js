// What axe-core finds of what blocks people or stands in their way, a line each.
const [done] = arguments;
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const lineOf = (rule, node) => {
  const why = node.failureSummary.replace(/\s+/g, " ");
  return `${rule.id} (${rule.impact}): ${node.target.join(" ")}: ${why}`;
};
axe.run({ runOnly: tags, resultTypes: ["violations"] }).then(
  ({ violations }) => {
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    done(grave.flatMap((rule) => rule.nodes.map((node) => lineOf(rule, node))));
  },
  (error) => done([`axe-core failed: ${error}`]),
);
