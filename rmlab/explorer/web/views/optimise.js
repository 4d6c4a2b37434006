// Optimise: the harder a proxy is optimised, the more it gains; the true reward follows it for part of the way only.
import { signed } from "../charts/chart.js";
import { gains } from "../charts/gains.js";
import { element, unique, update } from "../core/dom.js";
import { player } from "../core/player.js";
import { changeSettings, settingsOf } from "../core/settings.js";
import { LEAD } from "../parts/terms.js";
import { percent, sharesTable, winnerCard } from "../parts/winner.js";

const WHOLE = 11_000; // milliseconds from imitation to the last stop
const DEFAULTS = { proxy: 0, method: "best_of_n", ensemble: false, at: 0 };
const METHODS = { best_of_n: "best of n", optimal: "a policy at price β" };

export const optimise = {
  name: "optimise",
  title: "Optimise",
  render(root, store) {
    const data = store.get("data").optimise;
    const n = data.questions.length;
    const set = (values) => changeSettings(store, "optimise", values);

    function settings() { // a link may hold anything
      const found = settingsOf(store, "optimise", { question: data.opens_on, ...DEFAULTS });
      const method = Object.hasOwn(METHODS, found.method) ? found.method : "best_of_n";
      const proxy = within(found.proxy, data.proxies.length);
      return {
        method, proxy, question: within(found.question, n + (n > 1 ? 1 : 0)), at: within(found.at, data.strengths[method].length),
        ensemble: Boolean(found.ensemble) && data.proxies[proxy].members > 0,
      };
    }

    const chart = gains({ height: 21 });
    const card = winnerCard();
    const table = sharesTable();
    const words = element("p", { class: "rx-words rx-two-lines", role: "status" });
    const lastNow = () => data.strengths[settings().method].length - 1;
    const run = player({
      last: lastNow, pace: () => WHOLE / Math.max(1, lastNow()), rest: () => settings().at, settle: (at) => set({ at }), draw, whole: Math.round,
    });
    const form = controls();
    const about = element("p", { class: "rx-quiet rx-about" });
    const [proxyNow, trueNow] = ["proxy", "true"].map(() => element("strong"));
    const marked = (name, text, ...more) => element("span", { class: name, text }, ...more);
    root.append(element("div", { class: "rx-columns rx-optimise" },
      element("div", { class: "rx-card rx-wide" }, form.strength, words, form.choices, about, element("p", { class: "rx-note", text: data.words })),
      element("div", { class: "rx-stack" }, element("div", { class: "rx-card" },
        element("h3", { text: "What the proxy and the true reward have gained" }), chart.node,
        element("p", { class: "rx-legend" },
          marked("rx-proxy", "● — proxy, which is optimised: ", proxyNow), marked("rx-true", "■ ╌ true reward, which is wanted: ", trueNow), marked("", "┄ at the start")))),
      element("div", { class: "rx-stack" }, card.node),
      element("div", { class: "rx-card rx-wide" }, element("h3", { text: "What the winners are like" }), table.node)));

    function draw() {
      const now = settings();
      const shown = store.get("revealed");
      const curves = data.curves[now.proxy][Number(now.ensemble)][now.method];
      const curve = curves[now.question];
      const mean = now.question === n; // several questions have no common reply, so the reply to one of them is shown
      const reader = mean ? 0 : now.question;
      const question = data.questions[reader];
      const one = curves[reader];
      const at = Math.round(run.position());
      const peak = curve.true.indexOf(Math.max(...curve.true));
      const rows = Object.entries(curve.shares).map(([i, share]) => ({ ...data.attributes[i], start: share[0], now: share[at] }));
      const said = inWords({ data, now, curve, at, peak, rows, shown });
      chart.draw({ curve, at, peak, reach: reachOf(data.curves[now.proxy], now.method, now.question), far: farthest(data.curves[now.proxy], now.method, now.question), words: said, shown });
      const reply = question.replies[one.reply[shown ? at : 0]];
      const [proxy, truth] = one.own.map((gained) => gained[shown ? at : 0]);
      card.draw({
        prompt: question.prompt, text: reply.text,
        heading: shown || at === 0 ? `The middle winner at ${strength(data, now, at)}` : "The middle winner at the start. Which will it be?",
        gains: `Against the mean at the start: proxy ${signed(proxy)}, true reward ${signed(truth)} nats.`,
        has: reply.has.map((i) => data.attributes[i]),
      });
      table.draw({ rows, shown });
      form.draw(now, at);
      const known = shown || at === 0;
      update(proxyNow, { text: known ? signed(curve.proxy[at]) : "?" });
      update(trueNow, { text: known ? signed(curve.true[at]) : "?" });
      const meant = data.proxies[now.proxy].about ?? "";
      update(about, { text: meant, hidden: !meant });
      update(words, { text: said, "aria-live": run.playing() ? "off" : null });
    }

    function controls() {
      const button = element("button", { type: "button", class: "rx-button rx-play", onClick: run.press });
      const slider = element("input", {
        type: "range", min: 0, step: 1, class: "rx-long",
        onInput: () => { run.stop(); set({ at: Number(slider.value) }); },
      });
      const value = element("output", { class: "rx-value" });
      const menu = (names, key) => element("select", { onChange: (event) => { run.stop(); set({ [key]: event.target.selectedIndex }); } },
        ...names.map((text) => element("option", { text })));
      const proxies = menu(data.proxies.map((each) => each.name), "proxy");
      const asked = [...data.questions.map((each) => each.prompt), ...(n > 1 ? [`(the mean of all ${n})`] : [])];
      const questions = menu(asked, "question");
      const group = unique("method");
      const methods = Object.entries(METHODS).map(([method, text]) => {
        const input = element("input", { type: "radio", name: group, onChange: () => { run.stop(); set({ method, at: 0 }); } });
        return { method, input, node: element("label", { class: "rx-choice" }, input, element("span", { text })) };
      });
      const check = element("input", { type: "checkbox", onChange: () => { run.stop(); set({ ensemble: check.checked }); } });
      const members = element("span");
      const ensemble = element("label", { class: "rx-choice" }, check, members);
      return {
        strength: element("div", { class: "rx-controls" }, button, slider, value),
        choices: element("div", { class: "rx-controls rx-numbers" },
          element("label", { class: "rx-field" }, element("span", { text: "Proxy" }), proxies),
          ensemble,
          element("div", { class: "rx-choices", role: "radiogroup", "aria-label": "How it is optimised" }, ...methods.map((each) => each.node)),
          element("label", { class: "rx-field rx-which-question" }, element("span", { text: "Question" }), questions)),
        draw(now, at) {
          update(button, { text: run.name() });
          update(slider, { max: data.strengths[now.method].length - 1, "aria-label": now.method === "best_of_n" ? "n, how many replies are drawn" : "beta, the price of KL", "aria-valuetext": strength(data, now, at) });
          slider.value = at;
          update(value, { text: strength(data, now, at) });
          proxies.selectedIndex = now.proxy;
          questions.selectedIndex = now.question;
          for (const { method, input } of methods) input.checked = method === now.method;
          const count = data.proxies[now.proxy].members;
          check.checked = now.ensemble;
          update(ensemble, { hidden: count === 0 });
          update(members, { text: `the worst of ${count}` });
        },
      };
    }

    const off = store.on(["settings", "revealed"], draw);
    draw();
    return () => {
      off();
      run.close();
      chart.close();
    };
  },
};

/** A whole number from 0 to `count` - 1. */
function within(value, count) {
  return Math.min(count - 1, Math.max(0, Math.trunc(Number(value)) || 0));
}

/** "n = 64", or "β = 0.50". */
export function strength(data, { method }, at) {
  const value = data.strengths[method][at];
  return method === "best_of_n" ? `n = ${value.toLocaleString("en")}` : `β = ${value.toFixed(2)}`;
}

/** The ends of the vertical axis: the same with and without the ensemble, so that the two can be compared. */
function reachOf(pair, method, question) {
  const values = [0, ...pair.flatMap((each) => [...each[method][question].proxy, ...each[method][question].true])];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (high - low || 1);
  return [low - room, high + room];
}

function farthest(pair, method, question) {
  return Math.max(0.1, ...pair.map((each) => each[method][question].d.at(-1)));
}

function inWords({ data, now, curve, at, peak, rows, shown }) {
  if (!shown) return "Predict: the proxy will rise. What will the true reward do, and what will the winner be like at the end? Then press Reveal.";
  const place = `${strength(data, now, at)}, d = ${curve.d[at].toFixed(2)}`;
  const both = `${place}: proxy ${signed(curve.proxy[at])}, true reward ${signed(curve.true[at])} nats since the start`;
  if (at === 0) return `${both} (${LEAD}).`;
  const more = (row) => row.now - row.start;
  const worst = rows.filter(({ weight }) => weight < 0).sort((one, other) => more(other) - more(one))[0];
  const fault = worst && more(worst) > 0.1 ? ` ${percent(worst.now)} of the winners have what the truth dislikes: ${worst.name}.` : "";
  if (at <= peak) return `${both}.${fault}`;
  return `${both}. The true reward was highest at ${strength(data, now, peak)}: ${signed(curve.true[peak])}.${fault}`;
}
