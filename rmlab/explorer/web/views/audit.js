// The audit's smallest checks, run on the model that answers in the page.
import { element, update } from "../core/dom.js";
import { onModel } from "../core/live_model.js";
import { audit as run, CHECKS } from "../audit/checks.js";

const MARKS = { kept: "✓ kept", broken: "✗ broken", "not applicable": "n/a" };
const QUESTION = "Does the model keep the invariants that every reward model must keep? The checks below score some of the pairs in several ways, here in the page. None of them needs to know which response is better.";

const results = new WeakMap(); // store -> what was found; it is kept when another tab is opened

export const audit = {
  name: "audit",
  title: "Audit",
  render(root, store) {
    let client = null;
    let running = false;
    let ended = false;
    const start = element("button", { type: "button", class: "rx-button", text: "Run the checks", onClick: go });
    const said = element("p", { class: "rx-words", role: "status" });
    const rows = element("tbody");
    const table = element("div", { class: "rx-scroll", tabindex: 0, role: "group", "aria-label": "Checks" },
      element("table", { class: "rx-numbers-table rx-checks" },
        element("thead", {}, element("tr", {}, ...["check", "", "measured", "what it means"].map((text) => (text ? element("th", { scope: "col", text }) : element("td"))))), rows));
    root.append(element("div", { class: "rx-card rx-audit" },
      element("p", { class: "rx-words", text: QUESTION }), element("div", { class: "rx-buttons" }, start), said, table,
      element("p", { class: "rx-quiet", text: "rmlab audit has more checks, which need the model's weights or its tokenizer." })));

    function draw() {
      const found = results.get(store) ?? { checks: [], words: "" };
      update(start, { disabled: !client || running, text: found.checks.length && !running ? "Run them again" : "Run the checks" });
      update(said, { text: client ? found.words : "The model has not loaded yet." });
      rows.replaceChildren(...CHECKS.map(({ name, means }, i) => {
        const { status = "", found: measured = "" } = found.checks[i] ?? {};
        return element("tr", { class: status === "broken" ? "rx-broken" : "" },
          element("th", { scope: "row", text: name }), element("td", { text: MARKS[status] ?? "" }), element("td", { text: measured }), element("td", { text: means }));
      }));
    }

    async function go() {
      running = true;
      const found = { checks: [], words: "Scoring the texts." };
      results.set(store, found);
      draw();
      const tell = (words) => { found.words = words; draw(); };
      try {
        const pairs = pairsOf(store);
        const done = await run(client, pairs, (one) => {
          found.checks.push(one);
          tell(`${found.checks.length} of ${CHECKS.length} checks.`);
        }, { isStale: () => ended, scored: (n, all) => tell(`${n} of ${all} texts have been scored.`) });
        found.words = done ? inWords(found.checks, done) : "The checks stopped because you left their tab.";
      } catch (error) {
        found.words = `The checks stopped: ${error.message}`;
      }
      running = false;
      draw();
    }
    const off = onModel(store, (model) => { client = model.client; draw(); });
    draw();
    return () => { ended = true; off(); };
  },
};

/** Pairs to check a model on: those of the page, those to judge, or the examples of its probe. */
function pairsOf(store) {
  const { pairs, probe, judge } = store.get("data");
  if (pairs) return pairs.prompt.map((prompt, i) => ({ prompt, responses: [pairs.chosen[i], pairs.rejected[i]] }));
  if (judge) return judge.questions.map(({ prompt, first, second }) => ({ prompt, responses: [first, second] }));
  return (probe?.presets ?? []).map(({ state }) => ({ prompt: state.prompt, responses: [state.response_a, state.response_b] }));
}

function inWords(checks, { n, spread, tolerance }) {
  const count = (status) => checks.filter((one) => one.status === status).length;
  const broken = checks.filter((one) => one.status === "broken").map(({ name }) => name);
  return `${count("kept")} kept, ${broken.length ? `${broken.length} broken (${broken.join(", ")})` : "none broken"}, ${count("not applicable")} not applicable, on ${n} texts. Their scores spread by ${spread.toFixed(2)} nats; two scores count as the same within ${tolerance.toPrecision(1)}.`;
}
