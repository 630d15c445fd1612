// Filters, jumps, copy buttons, and the offending part in sight. The page is complete and readable without this script.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.querySelector(".filters");
  const text = document.getElementById("f-text");
  const tier = document.getElementById("f-tier");
  const group = document.getElementById("f-group");
  const chips = all(".chip", form);
  const clauses = all("[data-clause]").map((element) => ({
    element,
    words: element.textContent.toLowerCase(),
    cell: document.querySelector(`[data-cell="${CSS.escape(element.id)}"]`),
  }));

  const pressed = () => chips.filter((chip) => chip.getAttribute("aria-pressed") === "true");
  const isFiltering = () => pressed().length > 0 || Boolean(text.value || tier.value || group.value);
  const hasVisible = (box) => all("[data-clause]", box).some((clause) => !clause.hidden);

  function apply() {
    const statuses = new Set(pressed().map((chip) => chip.dataset.status));
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const clause of clauses) {
      const facets = clause.element.dataset;
      const matches =
        (!statuses.size || statuses.has(facets.status)) &&
        (!tier.value || facets.tier === tier.value) &&
        (!group.value || facets.group === group.value) &&
        words.every((word) => clause.words.includes(word));
      clause.element.hidden = !matches;
      clause.cell?.classList.toggle("dim", !matches);
      shown += matches;
    }
    for (const box of all("[data-box], [data-section]")) box.hidden = !hasVisible(box);
    for (const fold of all(".fold")) fold.open = isFiltering();
    document.querySelector(".nothing").hidden = shown > 0;
    const total = clauses.length;
    document.getElementById("f-count").textContent =
      shown === total ? `all ${total} clauses` : `${shown} of ${total} clauses`;
  }

  function reset() {
    for (const chip of chips) chip.setAttribute("aria-pressed", "false");
    text.value = tier.value = group.value = "";
    apply();
  }

  // A link to a clause shows it even where the filters hide it or its row is closed.
  function jump() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.matches("[data-clause]")) return;
    if (target.hidden) reset();
    for (let part = target; part; part = part.parentElement.closest("details")) {
      if (part.matches("details")) part.open = true;
    }
    target.scrollIntoView();
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // Pages opened from disk may have no clipboard: select the text instead.
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
      return;
    }
    button.textContent = "Copied";
    document.getElementById("copied").textContent = "The command is on the clipboard.";
    setTimeout(() => (button.textContent = "Copy"), 1600);
  }

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
      apply();
    });
  }
  for (const field of [text, tier, group]) field.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    reset();
  });
  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  // What offends in a long body is seen without a search for it.
  function reveal(exchange) {
    for (const pre of all("pre", exchange)) {
      const mark = pre.querySelector("mark");
      if (mark) pre.scrollTop = mark.offsetTop - pre.offsetTop - pre.clientHeight / 2;
    }
  }
  for (const exchange of all(".exchange")) {
    exchange.addEventListener("toggle", () => reveal(exchange));
    reveal(exchange);
  }
  addEventListener("hashchange", jump);
  // Paper shows every clause and violation; of the exchanges, those that the reader opened.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all(".more:not([open]), .fold:not([open])");
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  form.hidden = false;
  apply();
  jump();
})();
